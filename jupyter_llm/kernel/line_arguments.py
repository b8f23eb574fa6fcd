"""What can stand behind `%llm`."""

from __future__ import annotations

import argparse

from jupyter_llm.client.load_arguments import add_load_arguments
from jupyter_llm.client.pulling import PULL_NAME, SEARCH_TEXT
from jupyter_llm.client.removing import add_remove_arguments
from jupyter_llm.client.service_arguments import (
    SERVICE_TEXT,
    SERVICE_VERBS,
    add_service_arguments,
)

from .parser import Parser
from .sampling import add_sampling_arguments

VERBS = {
    "models": "list the models that can be loaded",
    "ps": "list the models in memory and what they do",
    "vram": "show whose the memory of each device is",
    "usage": "show what each model has done so far",
    "doctor": "say what is wrong here, and what mends it",
    "search": "look for models on the Hub, or for what one has",
    "pull": "download a model from the Hub",
    "load": "bring a model into memory",
    "switch": "load a model and let it answer where none is named",
    "unload": "give its memory back",
    "set": "decide how a model is named and loaded from now on",
    "rm": "delete a model's files",
    "service": SERVICE_TEXT,
    "fix": "explain the last error and propose a mended cell",
    "reset": "forget the questions and answers so far",
    "help": "show all this",
}

ALIASES = {"ls": "models"}
"""Other names of verbs: those that `jupyter llm` has for them."""

_MODEL = "id, alias or path of the model"


def line_parser() -> Parser:
    """`%llm VERB …`."""
    parser = Parser(prog="%llm", description="Language models of this notebook's server.")
    commands = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    others = {verb: [alias for alias in ALIASES if ALIASES[alias] == verb] for verb in VERBS}
    for verb, text in VERBS.items():
        parser.verbs[verb] = commands.add_parser(
            verb, help=text, description=_sentence(text), aliases=others[verb]
        )
    _fill(parser.verbs)
    return parser


def _fill(verbs: dict[str, Parser]) -> None:
    add_load_arguments(verbs["load"])
    add_load_arguments(verbs["switch"])
    add_remove_arguments(verbs["rm"])
    # not a model of this server, as `name` is everywhere else
    verbs["pull"].add_argument("repo", metavar="NAME", help=PULL_NAME)
    verbs["search"].add_argument("words", nargs="+", metavar="TEXT", help=SEARCH_TEXT)
    verbs["unload"].add_argument("name", metavar="NAME", help=_MODEL)
    verbs["usage"].add_argument(
        "name", metavar="NAME", nargs="?", help=f"{_MODEL}; all if left out"
    )
    _add_settings(verbs["set"])
    _add_services(verbs["service"])
    _add_fix(verbs["fix"])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _add_services(parser: Parser) -> None:
    commands = parser.add_subparsers(
        dest="service_verb", metavar="VERB", parser_class=Parser, required=True
    )
    for verb, text in SERVICE_VERBS.items():
        command = commands.add_parser(verb, help=text, description=_sentence(text))
        add_service_arguments(verb, command)
        parser.verbs[verb] = command


def _add_settings(parser: Parser) -> None:
    add_load_arguments(parser, has_backend=False)
    parser.add_argument(
        "--alias",
        action="append",
        dest="aliases",
        metavar="NAME",
        help="another name for it, in the place of those before; several times for several",
    )
    parser.add_argument(
        "--pin",
        action=argparse.BooleanOptionalAction,
        help="whether it stays in memory until somebody unloads it",
    )
    parser.add_argument("--forget", action="store_true", help="take back all that was decided")


def _add_fix(parser: Parser) -> None:
    parser.add_argument("remark", nargs="*", metavar="TEXT", help="what else the model should know")
    parser.add_argument("-m", "--model", help=f"{_MODEL}; the server's default model if left out")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="put the mended cell into the place of this one, not into a new one",
    )
    add_sampling_arguments(parser)
