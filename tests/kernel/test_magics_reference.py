"""The reference of the magics has what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_llm.kernel.cell_arguments import cell_parser
from jupyter_llm.kernel.line_arguments import line_parser

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "magics.md").read_text()


def test_every_verb_and_option_is_in_the_reference_and_none_besides() -> None:
    line = line_parser()
    parsers = [cell_parser(), *line.verbs.values()]
    options = {
        name for parser in parsers for action in parser.actions for name in action.option_strings
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", TEXT)) == {
        option for option in options if option.startswith("--")
    } - {"--help"}
    assert {"models", *re.findall(r"`%llm (\w+)", TEXT)} == {*line.verbs, "ls", "VERB"}


def test_every_argument_says_what_it_is_for() -> None:
    for parser in (cell_parser(), *line_parser().verbs.values()):
        assert all(action.help for action in parser.actions), parser.prog
