"""An engine without a model, for tests and work on the user interface."""
