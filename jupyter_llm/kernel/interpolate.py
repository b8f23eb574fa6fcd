"""Put the values of notebook variables into a prompt.

A brace means something only in `{name}`, `{name.attribute}`, `{name[0]}` and
`{name["key"]}`, also chained, and only where `name` is a variable. Everything
else (dicts, JSON, LaTeX, code, `{{name}}`) stays as it is typed, and values are
put in as they are: braces in them mean nothing.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = r"""-?\d+|'[^'\\\n]*'|"[^"\\\n]*\""""
_STEP = rf"\.[^\W\d]\w*|\[(?:{_KEY})\]"
_REFERENCE = rf"(?P<root>[^\W\d]\w*)(?P<steps>(?:{_STEP})*)"
_DOUBLED = rf"\{{\{{[^\W\d]\w*(?:{_STEP})*\}}\}}"  # a template's own braces, as in Jinja
_BRACES = re.compile(rf"{_DOUBLED}|\{{{_REFERENCE}\}}")
_STEPS = re.compile(_STEP)


def interpolate(text: str, variables: Mapping[str, Any]) -> str:
    """`text` with each reference to one of `variables` replaced by its value.

    Raises:
        InvalidRequestError: A variable exists, but not the attribute or element
            asked for, or its value has no text.
    """

    def value_of(match: re.Match[str]) -> str:
        root = match["root"]
        if root is None or root not in variables:
            return match[0]
        return _text(match[0], variables[root], _STEPS.findall(match["steps"]))

    return _BRACES.sub(value_of, text)


def _text(reference: str, value: Any, steps: list[str]) -> str:
    try:
        for step in steps:
            value = _follow(value, step)
        return str(value)
    except Exception as exc:  # whatever a property, an index or __str__ raises
        raise InvalidRequestError(
            f"{reference} in the prompt has no value ({type(exc).__name__}: {exc}). "
            "Correct it, or use --raw to send every brace as it is typed."
        ) from exc


def _follow(value: Any, step: str) -> Any:
    if step.startswith("."):
        return getattr(value, step[1:])
    return value[ast.literal_eval(step[1:-1])]
