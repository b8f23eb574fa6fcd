"""How long a model is to stay in memory, as requests say it.

The notation is Ollama's: seconds as a number, or text such as "5m" or "1h30m"; a
negative one is for ever, 0 until the request is answered.
"""

from __future__ import annotations

import math
import re

from jupyter_llm.errors import InvalidRequestError

KeepAlive = float | str

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d)"
_PARTS = re.compile(_PART)
_DURATION = re.compile(rf"(-?)((?:{_PART})+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def keep_alive_s(value: KeepAlive | None) -> float | None:
    """Seconds, infinite for ever; `None` where the request says nothing.

    Raises:
        InvalidRequestError: The text is no duration.
    """
    if value is None:
        return None
    seconds = _seconds(value) if isinstance(value, str) else value
    return seconds if seconds >= 0 else math.inf


def _seconds(text: str) -> float:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if (duration := _DURATION.fullmatch(text)) is None:
        raise InvalidRequestError(
            f"'keep_alive' is {text!r}. Give seconds, or a duration such as \"5m\" or "
            '"1h30m"; -1 keeps the model in memory, 0 unloads it afterwards.',
            param="keep_alive",
        )
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PARTS.findall(duration[2]))
    return -1.0 if duration[1] else seconds
