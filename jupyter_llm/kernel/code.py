"""The code in an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<indent> {0,3})(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)$")
_PYTHON = {"", "py", "py3", "python", "python3", "ipython", "ipython3"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block of Markdown; one that the answer broke off in is not `is_closed`."""

    language: str
    text: str
    is_closed: bool

    @property
    def is_python(self) -> bool:
        """Whether it is Python, as far as it says; a block without a language is."""
        return self.language in _PYTHON


def blocks(markdown: str) -> list[Block]:
    """The fenced blocks, in their order; fences inside of longer ones are text."""
    found: list[Block] = []
    lines: list[str] = []
    opening: re.Match[str] | None = None
    for line in markdown.split("\n"):
        fence = _FENCE.match(line)
        if opening is None:
            if fence and not (fence["mark"][0] == "`" and "`" in fence["info"]):
                opening, lines = fence, []
        elif fence and fence["mark"].startswith(opening["mark"]) and not fence["info"].strip():
            found.append(_block(opening, lines, is_closed=True))
            opening = None
        else:
            lines.append(line.removeprefix(opening["indent"]))
    return found if opening is None else [*found, _block(opening, lines, is_closed=False)]


def code_of(markdown: str) -> str:
    """The code of an answer: its Python blocks one below the other.

    Without any it is that of all blocks; an answer without fences is taken for code itself.
    """
    found = blocks(markdown)
    chosen = [block for block in found if block.is_python] or found
    return "\n\n".join(block.text for block in chosen) if chosen else markdown.strip()


def _block(opening: re.Match[str], lines: list[str], *, is_closed: bool) -> Block:
    words = opening["info"].split()
    language = words[0].strip("{}.").lower() if words else ""
    return Block(language=language, text="\n".join(lines).strip("\n"), is_closed=is_closed)
