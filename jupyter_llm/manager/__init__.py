"""Which model is in memory and whose turn it is."""
