"""What collections can be called."""

from __future__ import annotations

import re

from jupyter_llm.errors import InvalidRequestError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def is_name(name: str) -> bool:
    """Whether a collection can have this name: it is part of paths, and of URLs."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> str:
    """The name, if it can be one.

    Raises:
        InvalidRequestError: It cannot.
    """
    if is_name(name):
        return name
    raise InvalidRequestError(
        f"{name[:128]!r} cannot be the name of a collection: take up to 128 letters, digits, '_', "
        "'-' and '.', the last two not first.",
        param="name",
    )
