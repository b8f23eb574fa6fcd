"""Grammars as vLLM takes them, which is in Lark alone."""

from __future__ import annotations

import json

_HEADER = "%llguidance {}"
"""What tells Lark from other languages, to the one who guesses."""


def as_lark(grammar: str) -> str:
    """A grammar of llguidance, in Lark or as a JSON object with one grammar, as Lark."""
    text = _of_object(grammar) if grammar.lstrip().startswith("{") else grammar
    return text if "%llguidance" in text else f"{_HEADER}\n{text}"


def _of_object(grammar: str) -> str:
    (only,) = json.loads(grammar)["grammars"]
    if only.get("lark_grammar"):
        return str(only["lark_grammar"])
    return f"start: %json {json.dumps(only['json_schema'])}"
