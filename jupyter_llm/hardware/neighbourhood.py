"""The other servers of this machine, as far as the ledger shows them."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.hardware.ledger import Ledger, Neighbour, Turn
    from jupyter_llm.hardware.page import Page

log = logging.getLogger(__name__)


class Neighbourhood:
    """A ledger that may fail: without one, this server sees itself alone.

    `reason` says why others are not seen; it is empty where nothing is amiss.
    """

    def __init__(self, ledger: Ledger | None) -> None:
        self.reason = ""
        self._ledger = ledger

    @property
    def is_watched(self) -> bool:
        """Whether there is a ledger that others may look into."""
        return self._ledger is not None

    def look(self) -> list[Neighbour]:
        """The others, without a turn."""
        if self._ledger is None:
            return []
        try:
            return self._ledger.neighbours()
        except OSError as error:
            self._note(error)
            return []

    @contextmanager
    def turn(self) -> Iterator[Turn | None]:
        """No other server decides meanwhile; `None` where there is no ledger to look into."""
        with ExitStack() as stack:
            turn = None
            if self._ledger is not None:
                try:
                    turn = stack.enter_context(self._ledger.turn())
                except OSError as error:
                    self._note(error)
            yield turn

    def tell(self, turn: Turn | None, page: Page) -> None:
        """Let the others know what this server holds."""
        if turn is None:
            return
        try:
            turn.write(page)
        except OSError as error:
            self._note(error)
        else:
            self.reason = ""

    def leave(self) -> None:
        """Take this server out of the ledger."""
        if self._ledger is None:
            return
        try:
            self._ledger.close()
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        reason = f"Other servers on this machine are not seen: {error}"
        if reason != self.reason:
            log.warning("%s", reason)
        self.reason = reason
