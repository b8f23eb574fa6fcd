"""Words of a command line that know some of their parts only when the job runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Text as it is, or, with `is_variable`, the name of a variable of the job."""

    text: str
    is_variable: bool = False


Parts = tuple[Part, ...]
"""A word; one without parts is empty."""


def literal(text: str) -> Parts:
    """A word that is taken as it is, whatever it looks like."""
    return (Part(text=text),) if text else ()


def variable(name: str) -> Parts:
    """A word that is a variable of the job."""
    return (Part(text=name, is_variable=True),)


def references(template: str) -> tuple[str, ...]:
    """The names that a template asks for."""
    return tuple(_REFERENCE.findall(template))


def resolve(template: str, values: Mapping[str, Parts]) -> Parts:
    """The word of a recipe's template; what is put in is not looked at again.

    Raises:
        KeyError: It asks for something that there is not.
    """
    found: list[Part] = []
    for at, piece in enumerate(_REFERENCE.split(template)):
        found.extend(values[piece] if at % 2 else literal(piece))
    return tuple(found)


def quoted(word: Parts) -> str:
    """The word as a POSIX shell reads it back, every part of it quoted."""
    pieces = [f'"${part.text}"' if part.is_variable else shlex.quote(part.text) for part in word]
    return "".join(pieces) or "''"
