"""The options of `%%llm` that say how a model chooses its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_OPTIONS: tuple[tuple[str, type, str, str], ...] = (
    ("temperature", float, "T", "0 always takes the likeliest token"),
    ("max-tokens", int, "N", "length of the answer at most"),
    ("seed", int, "N", "the same seed gives the same answer"),
    ("top-p", float, "P", "only the likeliest tokens that have this share together, 0 to 1"),
    ("top-k", int, "N", "only the N likeliest tokens"),
    ("min-p", float, "P", "only tokens with this share of the likeliest one's, 0 to 1"),
    ("presence-penalty", float, "X", "above 0 avoids what was said, -2 to 2"),
    ("frequency-penalty", float, "X", "the more often it was said, the more so, -2 to 2"),
    ("repeat-penalty", float, "X", "above 1 avoids repetitions"),
    ("reasoning-effort", str, "EFFORT", "how long to think: none, low, medium, high, …"),
    ("reasoning-budget", int, "N", "tokens of thought at most"),
)

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def add_sampling_arguments(parser: ArgumentParser) -> None:
    """Add the fields of a chat completion that are a word or a number, and `--stop`."""
    for option, kind, metavar, text in _OPTIONS:
        parser.add_argument(f"--{option}", type=kind, metavar=metavar, help=text)
    parser.add_argument(
        "--stop",
        action="append",
        metavar="TEXT",
        help="end the answer before this text; up to four times",
    )


def sampling_options(arguments: Namespace) -> dict[str, Any]:
    """The options that were given, as `Client.chat` takes them."""
    names = ["stop", *(option.replace("-", "_") for option, *_ in _OPTIONS)]
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}
