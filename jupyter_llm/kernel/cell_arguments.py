"""What can stand behind `%%llm`, above a prompt."""

from __future__ import annotations

from .parser import Parser, variable
from .sampling import add_sampling_arguments


def cell_parser() -> Parser:
    """`%%llm …`."""
    parser = Parser(
        prog="%%llm",
        description="Send the cell to a language model and stream its answer.",
        epilog="{name}, {name.attribute} and {name[0]} stand for variables of the notebook; "
        "every other brace is sent as it is typed.",
    )
    add = parser.add_argument
    add("-m", "--model", help="id, alias or path; the server's default model if left out")
    add("-o", "--out", type=variable, metavar="NAME", help="variable that gets the answer")
    add("--system", metavar="TEXT", help="what the model is told before the conversation")
    add("--code", action="store_true", help="put the code of the answer into a new cell")
    add("--raw", action="store_true", help="send the cell as typed, with no variable put in")
    add("--no-history", action="store_true", help="forget what was said, remember nothing")
    add_sampling_arguments(parser)
    return parser
