"""Deleting a model, for the magics and the command line alike: never without having asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.client.tables import size
from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from jupyter_llm.client import Client


def add_remove_arguments(parser: ArgumentParser) -> None:
    """Add the name of a model, and the consent."""
    parser.add_argument("name", metavar="NAME", help="id, alias or path of the model")
    parser.add_argument("--yes", action="store_true", help="delete without asking")


def remove(client: Client, name: str, ask: Callable[[str], str] | None) -> str:
    """Delete a model with the consent of whoever answers `ask`; `None` has consented.

    Returns what has happened, in a sentence.

    Raises:
        InvalidRequestError: Nobody can be asked, or the model must stay.
    """
    model = client.model(name).model
    question = f"Delete {model.id} ({size(model.size_bytes)}) from the server's disk? [y/N] "
    if ask is not None and not _consents(ask, question):
        return f"{model.id} stays."
    return f"{model.id} is deleted: {size(client.remove(model.id))} are free again."


def _consents(ask: Callable[[str], str], question: str) -> bool:
    try:
        return ask(question).strip().lower() in {"y", "yes"}
    except (
        EOFError,
        NotImplementedError,
    ):  # a kernel whose front end takes no input says the latter
        raise InvalidRequestError(
            "Nobody can be asked here. Say --yes to delete without being asked."
        ) from None
