"""What can stand behind `%%llm`, above a prompt."""

from __future__ import annotations

from .form import KINDS
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
    add(
        "--schema",
        metavar="TYPE",
        help="what the answer must be: a class, list[…], Literal[…], a JSON Schema, by name",
    )
    add(
        "--as",
        dest="kind",
        choices=KINDS,
        help="the answer as a table, a list, parsed JSON, or its code without fences",
    )
    add(
        "--tools",
        action="append",
        metavar="NAMES",
        help="functions of the notebook that the model may call: f,g",
    )
    add("--allow-tools", action="store_true", help="let it call them without asking each time")
    add(
        "--image",
        action="append",
        dest="images",
        metavar="NAME",
        help="a figure, an image or an array of the notebook, or a file; several times for several",
    )
    add("--code", action="store_true", help="put the code of the answer into a new cell")
    add("--raw", action="store_true", help="send the cell as typed, with no variable put in")
    add("--no-history", action="store_true", help="forget what was said, remember nothing")
    add_sampling_arguments(parser)
    return parser
