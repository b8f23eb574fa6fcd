"""The demo on mybinder.org: little memory, no GPU, the built-in model from the start."""

c = get_config()  # noqa: F821 - Jupyter defines it

c.LLMExtension.preload = True
