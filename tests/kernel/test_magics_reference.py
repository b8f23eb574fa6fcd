"""The reference of the magics has what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.kernel.cell_arguments import cell_parser
from jupyter_llm.kernel.line_arguments import line_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.kernel.parser import Parser

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "magics.md").read_text()


def parsers() -> Iterator[Parser]:
    """Those of the two magics and of all verbs, and of the verbs behind them."""
    yield cell_parser()
    for parser in line_parser().verbs.values():
        yield parser
        yield from parser.verbs.values()


def test_every_verb_and_option_is_in_the_reference_and_none_besides() -> None:
    line = line_parser()
    options = {
        name for parser in parsers() for action in parser.actions for name in action.option_strings
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", TEXT)) == {
        option for option in options if option.startswith("--")
    } - {"--help"}
    assert {"models", *re.findall(r"`%llm (\w+)", TEXT)} == {*line.verbs, "ls", "VERB"}
    assert set(re.findall(r"`%llm service ([a-z]+)", TEXT)) == set(line.verbs["service"].verbs)


def test_every_argument_says_what_it_is_for() -> None:
    for parser in parsers():
        assert all(action.help for action in parser.actions), parser.prog
