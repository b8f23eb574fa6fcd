"""The built-in model: a few megabytes that answer questions about jupyter-llm.

The weights are `guide.gguf`; MODEL_CARD.md says what they can do and what not. The
other modules of this package train them (`python -m jupyter_llm.guide.train`); they
need the extra `[guide]`, and nothing imports them at run time.
"""

from __future__ import annotations

from pathlib import Path

GUIDE_PATH = Path(__file__).with_name("guide.gguf")
"""The GGUF file of the built-in model."""
