"""`Compare`: one prompt, several models or settings, side by side."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from ipywidgets import Checkbox, HBox, Layout, link
from traitlets import Bool, Unicode

from jupyter_llm.client.tables import Table

from .comparison_column import ComparisonColumn
from .composer import Composer
from .live import LiveWidget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.client.events import Event

    from .answer import Answer


class Compare(LiveWidget):
    """Asks the same of each column, all at once or one after the other.

    Answers that come at the same time share the machine, so that speeds compare only with
    `in_turn`.

    Args:
        columns: A model each, or a model with settings: `"guide"`, or
            `{"model": "guide", "temperature": 1.0}`.
        system: Tells the models how to behave.
        in_turn: Whether each column waits for the one before.
        client: The server to talk to; by default the one that started this kernel.
    """

    kinds: ClassVar[tuple[str, ...]] = ("model",)

    system = Unicode(help="Tells the models how to behave.")
    in_turn = Bool(help="Whether each column waits for the one before.")
    busy = Bool(help="Whether answers are on their way.")

    def __init__(
        self,
        columns: Sequence[str | Mapping[str, Any]] = ("", ""),
        *,
        system: str = "",
        in_turn: bool = False,
        client: Client | None = None,
    ) -> None:
        self._lock = threading.Lock()
        super().__init__(client)
        settings = [{"model": c} if isinstance(c, str) else dict(c) for c in columns]
        self.columns = tuple(ComparisonColumn(self.client, **each) for each in settings)
        self._composer = Composer(
            send=self._send_text, stop=self.stop, label="Ask all of them the same"
        )
        box = Checkbox(
            description="One after the other",
            tooltip="Each column waits for the one before, so that speeds compare",
            indent=False,
        )
        self._links = [link((self, "in_turn"), (box, "value"))]
        self._composing: threading.Thread | None = None
        self.system, self.in_turn = system, in_turn
        wrapping = Layout(flex_flow="row wrap", align_items="flex-start")
        self._assemble(self._composer, box, HBox(self.columns, layout=wrapping))

    @property
    def answers(self) -> tuple[Answer | None, ...]:
        """The answers, column by column; `None` where nothing was asked yet."""
        return tuple(column.answer for column in self.columns)

    def ask(self, text: str) -> None:
        """Ask every column; returns at once, while the answers grow.

        Raises:
            RuntimeError: Answers are on their way; stop them or wait for them.
        """
        with self._lock:
            if self.busy:
                raise RuntimeError("Answers are on their way: stop() them, or wait() for them.")
            self.busy = self._composer.busy = True
        self._fail("")
        system = [{"role": "system", "content": self.system}] if self.system.strip() else []
        messages = [*system, {"role": "user", "content": text}]
        for column in self.columns:
            column.prepare(messages)
        self._composing = self._start(self._answer)

    def stop(self) -> None:
        """Stop all answers; what has come of them stays."""
        for column in self.columns:
            column.stop()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all answers have ended; whether they have within `timeout_s`."""
        if self._composing is not None:
            self._composing.join(timeout_s)
        return not self.busy

    def _end(self) -> None:
        self.stop()
        for each in self._links:
            each.unlink()
        for column in self.columns:
            column.close()

    def refresh(self) -> None:
        """Ask the server for its models."""
        self._statuses = {status.model.id: status for status in self.client.models()}
        self._show()

    def table(self) -> Table:
        """The answers and their figures, a row for each column."""
        return Table(
            headers=("model", "settings", "answer", "figures"),
            rows=[
                (column.model or "-", column.settings_text, column.said, column.figures)
                for column in self.columns
            ],
            empty="There is nothing to compare.",
        )

    def _answer(self) -> None:
        try:
            for column in self.columns:
                column.start()
                if self.in_turn:
                    column.wait()
            for column in self.columns:
                column.wait()
        finally:
            self.busy = self._composer.busy = False

    def _send_text(self, text: str) -> None:
        self._guard(self.ask, text)

    def _on_events(self, events: Sequence[Event]) -> None:
        for event in events:
            self._statuses[event.data.model.id] = event.data
        self._show()

    def _show(self) -> None:
        for column in self.columns:
            column.show_models(self._statuses.values())

    def _text(self) -> str:
        return self.table().text()
