"""What is said to people, and what programs read."""

from __future__ import annotations

import sys


def say(text: str, *, to_person: bool = False) -> None:
    """What a program may want to read goes to the output, the rest beside it."""
    print(text, file=sys.stderr if to_person else sys.stdout)


def overwrite(line: str) -> None:
    """Show progress in place, to a person who watches."""
    if sys.stderr.isatty():
        print(f"\r{line:<79}", end="", flush=True, file=sys.stderr)  # noqa: T201


def end_overwritten() -> None:
    """End the line that was written over and over."""
    print(file=sys.stderr)  # noqa: T201
