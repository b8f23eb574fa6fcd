"""Tab behind `%llm` and `%%llm`: verbs, options, and the names that fit.

A matcher of IPython's completer, so that it works wherever IPython does: a kernel answers
`complete_request` with it, a terminal its Tab key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from .cell_arguments import cell_parser
from .line_arguments import ALIASES, line_parser

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Callable, Iterator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from .candidates import Candidates
    from .parser import Parser

_LINE_MAGIC = re.compile(r"\s*(?:\w+\s*=\s*)?%llm\s(?P<arguments>.*)", re.DOTALL)
_CELL_MAGIC = re.compile(r"%%llm\s(?P<arguments>.*)", re.DOTALL)
_WORD = re.compile(r"""(?:[^\s"']|"[^"]*(?:"|$)|'[^']*(?:'|$))+""")
_BEFORE_ALL_OTHERS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """What stands before the cursor: whole words, and the one that is being typed."""

    words: tuple[str, ...]
    fragment: str


class Completer:
    """Answers the Tab key in one shell."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._line, self._cell = line_parser(), cell_parser()

    def install(self, shell: InteractiveShell) -> None:
        """Take part in what `shell` completes."""
        shell.Completer.custom_matchers.append(self.match)

    @context_matcher(  # type: ignore[untyped-decorator]  # a partial of IPython's
        priority=_BEFORE_ALL_OTHERS, identifier="jupyter_llm"
    )
    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        """What can stand at the cursor; nothing where no magic of ours does."""
        found = typed(context.text_until_cursor, _LINE_MAGIC)
        offer: Callable[[Typed], Iterator[str]] = self._for_line
        if found is None and _is_first(context):
            found, offer = typed(context.text_until_cursor, _CELL_MAGIC), self._for_cell
        if found is None:
            return {"completions": []}
        texts = fitting(offer(found), found.fragment)
        return {
            "completions": [SimpleCompletion(text, type="llm") for text in texts],
            "matched_fragment": found.fragment,
            "suppress": True,
            "ordered": True,
        }

    def _for_line(self, found: Typed) -> Iterator[str]:
        if not found.words:
            yield from (verb for verb in self._line.verbs if verb not in ALIASES)
            return
        verb = ALIASES.get(found.words[0], found.words[0])
        if parser := self._line.verbs.get(verb):
            yield from self._behind(parser, found.words[1:], found.fragment, verb)

    def _behind(
        self, parser: Parser, words: Sequence[str], fragment: str, verb: str
    ) -> Iterator[str]:
        """What can stand behind a verb: its own verbs, if it has any, or its arguments."""
        if not parser.verbs:
            yield from self._arguments(parser, words, fragment, verb)
        elif not words:
            yield from parser.verbs
        elif inner := parser.verbs.get(words[0]):
            yield from self._behind(inner, words[1:], fragment, verb)

    def _for_cell(self, found: Typed) -> Iterator[str]:
        yield from self._arguments(self._cell, found.words, found.fragment)

    def _arguments(
        self, parser: Parser, words: Sequence[str], fragment: str, verb: str = ""
    ) -> Iterator[str]:
        option, has_value, _ = fragment.partition("=")
        asked = option if fragment.startswith("-") and has_value else (words or [""])[-1]
        if action := _taking_value(parser, asked):
            lead = f"{option}=" if has_value else ""
            if action.dest == "tools":  # several, with commas between them
                lead = fragment[: fragment.rfind(",") + 1] or lead
            yield from (f"{lead}{quoted(text)}" for text in self._candidates.of(action, verb))
        elif fragment.startswith("-"):
            yield from _options(parser)
        else:
            action = _positional(parser, words)
            yield from map(quoted, self._candidates.of(action, verb) if action else ())
            if not fragment:
                yield from _options(parser)


def _is_first(context: CompletionContext) -> bool:
    """Whether the cursor is in the first line of the cell that is not empty."""
    return not "".join(context.full_text.split("\n")[: context.cursor_line]).strip()


def typed(before: str, magic: re.Pattern[str]) -> Typed | None:
    """The words behind `magic` in the text before the cursor, if it stands there."""
    if not (match := magic.fullmatch(before)):
        return None
    arguments = match["arguments"]
    words = _WORD.findall(arguments)
    is_open = bool(words) and arguments.endswith(words[-1])
    return Typed(
        words=tuple(words[:-1] if is_open else words), fragment=words[-1] if is_open else ""
    )


def fitting(texts: Iterator[str], fragment: str) -> list[str]:
    """Those of `texts` that go on from `fragment`; if none does, also in other letters' case."""
    known = list(dict.fromkeys(texts))
    exact = [text for text in known if _plain(text).startswith(_plain(fragment))]
    folded = _plain(fragment).casefold()
    return exact or [text for text in known if _plain(text).casefold().startswith(folded)]


def quoted(text: str) -> str:
    """`text` as one word of a line."""
    return f'"{text}"' if re.search(r"\s", text) else text


def _plain(text: str) -> str:
    return re.sub(r"[\"']", "", text)


def _taking_value(parser: Parser, word: str) -> Action | None:
    """The option of this name, if its value comes next."""
    for action in parser.actions:
        if word in action.option_strings and action.nargs != 0:
            return action
    return None


def _options(parser: Parser) -> Iterator[str]:
    """The long names of its options."""
    for action in parser.actions:
        yield from (name for name in action.option_strings if name.startswith("--"))


def _positional(parser: Parser, words: Sequence[str]) -> Action | None:
    """The argument without a name that comes next."""
    values = {i + 1 for i, word in enumerate(words) if _taking_value(parser, word)}
    num_given = sum(
        1 for i, word in enumerate(words) if i not in values and not word.startswith("-")
    )
    expected = [action for action in parser.actions if not action.option_strings]
    return expected[num_given] if num_given < len(expected) else None
