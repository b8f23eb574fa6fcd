"""Parts of the requests that are shown as examples; the built-in model can answer them."""

from __future__ import annotations

GUIDE = {"model": "guide"}
HELLO = [{"role": "user", "content": "What can you do?"}]
