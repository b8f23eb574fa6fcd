"""`jupyter llm …`: serve models, manage API keys, and see to a running server."""

from jupyter_llm.cli.main import main

__all__ = ["main"]
