"""Who is told what happens in a manager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jupyter_llm.types import ModelStatus, QueuePosition


def _ignore(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listeners:
    """Called on the event loop, and not waited for.

    `on_change` is told every new status of a model, `on_spent` a user and the tokens of a
    request of theirs that has ended, `on_position` a user and where a request of theirs
    stands in the queue.
    """

    on_change: Callable[[ModelStatus], None] = _ignore
    on_spent: Callable[[str, int], None] = _ignore
    on_position: Callable[[str, QueuePosition], None] = _ignore
