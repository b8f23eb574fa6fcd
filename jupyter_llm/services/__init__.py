"""Long-running jobs started from recipes, on this machine or on a cluster."""
