"""Models on disk: what is there, and what their files say of themselves."""
