"""The text around tokens: templates, stop strings, characters from bytes."""
