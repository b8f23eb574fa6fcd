"""Arguments as magics take them: parsed by argparse, which may neither print nor exit."""

from __future__ import annotations

import argparse
import keyword
import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError


class HelpShownError(Exception):
    """`-h` was given and the help printed: there is nothing left to do."""


class Parser(argparse.ArgumentParser):
    """Raises where argparse would end the process, and tells what it takes.

    `actions` are its options and what stands without one, in their order; `verbs` the
    parsers of its commands by name.
    """

    def __init__(self, **settings: Any) -> None:
        self.actions: list[argparse.Action] = []
        self.verbs: dict[str, Parser] = {}
        super().__init__(allow_abbrev=False, **settings)
        self.color = False  # Python 3.14 colours help, which a notebook shows as it is

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Take an argument, and remember it for who completes."""
        action = super().add_argument(*names, **settings)
        self.actions.append(action)
        return action

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, as magics do."""
        raise UsageError(f"{message}\n{self.format_usage().strip()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the magic in the place of the process."""
        raise HelpShownError(status, message)


def split(line: str) -> list[str]:
    """The words of a magic's line; quotes keep words together."""
    try:
        return shlex.split(line)
    except ValueError as exc:
        raise UsageError(f"{exc}: {line}") from exc


def variable(name: str) -> str:
    """`name`, if a variable can have it."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise argparse.ArgumentTypeError(f"{name!r} is not a name for a variable")
    return name
