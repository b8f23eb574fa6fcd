"""What can stand behind `%llm` and `%%llm`."""

from __future__ import annotations

import argparse
import keyword
import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError

from jupyter_llm.client.load_arguments import add_load_arguments
from jupyter_llm.client.pulling import PULL_NAME, SEARCH_TEXT
from jupyter_llm.client.removing import add_remove_arguments

VERBS = {
    "ls": "list the models that can be loaded",
    "ps": "list the models in memory and what they do",
    "vram": "show whose the memory of each device is",
    "pull": "download a model from the Hub",
    "search": "look for models on the Hub, or for what one has",
    "load": "bring a model into memory",
    "switch": "load a model and let it answer where none is named",
    "unload": "give its memory back",
    "rm": "delete a model's files",
    "reset": "forget the questions and answers so far",
    "help": "show all this",
}


class HelpShownError(Exception):
    """`-h` was given and the help printed: there is nothing left to do."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would end the process."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().strip()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise HelpShownError(status, message)


def split(line: str) -> list[str]:
    """The words of a magic's line; quotes keep words together."""
    try:
        return shlex.split(line)
    except ValueError as exc:
        raise UsageError(f"{exc}: {line}") from exc


def line_parser() -> argparse.ArgumentParser:
    """`%llm VERB …`."""
    parser = _Parser(prog="%llm", description="Language models of this notebook's server.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    parsers = {verb: verbs.add_parser(verb, help=text) for verb, text in VERBS.items()}
    add_load_arguments(parsers["load"])
    add_load_arguments(parsers["switch"])
    add_remove_arguments(parsers["rm"])
    parsers["pull"].add_argument("name", metavar="NAME", help=PULL_NAME)
    parsers["search"].add_argument("text", metavar="TEXT", help=SEARCH_TEXT)
    parsers["unload"].add_argument("name", metavar="NAME", help="id, alias or path of the model")
    return parser


def cell_parser() -> argparse.ArgumentParser:
    """`%%llm …` above a prompt."""
    parser = _Parser(
        prog="%%llm",
        description="Send the cell to a language model and stream its answer.",
        epilog="{name}, {name.attribute} and {name[0]} stand for variables of the notebook; "
        "every other brace is sent as it is typed.",
    )
    add = parser.add_argument
    add("-m", "--model", help="id, alias or path; the server's default model if left out")
    add("-o", "--out", type=_variable, metavar="NAME", help="variable that gets the answer")
    add("--temperature", type=float, metavar="T", help="0 always takes the likeliest token")
    add("--max-tokens", type=int, metavar="N", help="length of the answer at most")
    add("--seed", type=int, metavar="N", help="the same seed gives the same answer")
    add("--system", metavar="TEXT", help="what the model is told before the conversation")
    add("--raw", action="store_true", help="send the cell as typed, with no variable put in")
    add("--no-history", action="store_true", help="forget what was said, remember nothing")
    return parser


def _variable(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise argparse.ArgumentTypeError(f"{name!r} is not a name for a variable")
    return name
