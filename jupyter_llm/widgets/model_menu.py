"""The models of the server, to choose one from."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ipywidgets import Dropdown
from traitlets import Unicode

from jupyter_llm.types import ModelState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.types import ModelStatus


class ModelMenu(Dropdown):
    """A drop-down list of models, each with its state.

    Pages and the thread of events both write to it, so both wait for its lock.

    Args:
        empty: What the choice of no model is called.
        description: The label in front of the list.
    """

    model = Unicode(help="Name of the model that is chosen, empty for none.")

    def __init__(self, *, empty: str, description: str = "Model") -> None:
        self._lock = threading.RLock()
        self._empty = empty
        self._is_filling = False
        self._shown: tuple[tuple[str, str], ...] = ()
        self._offered: tuple[tuple[str, str], ...] = ()
        super().__init__(options=[(empty, "")], description=description, tooltip=description)
        self.observe(self._on_value, "value")
        self.observe(self._on_model, "model")

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what somebody has chosen on a page."""
        with self._lock:
            super().set_state(sync_data)

    def show(self, statuses: Iterable[ModelStatus]) -> None:
        """Offer these models, and keep the one that is chosen."""
        with self._lock:
            self._shown = tuple((_label(s), s.model.id) for s in statuses)
            self._fill()

    def _fill(self) -> None:
        known = {name for _, name in self._shown}
        # an alias or a path is nobody's id, but can be asked for
        other = () if not self.model or self.model in known else ((self.model, self.model),)
        offered = ((self._empty, ""), *self._shown, *other)
        if offered == self._offered:
            return
        self._is_filling = True
        try:
            self._offered = self.options = offered
            self.value = self.model
        finally:
            self._is_filling = False

    def _on_value(self, change: dict[str, Any]) -> None:
        if not self._is_filling:
            self.model = change["new"] or ""

    def _on_model(self, change: dict[str, Any]) -> None:
        with self._lock:
            self._fill()
            if self.value != change["new"]:
                self.value = change["new"]


def _label(status: ModelStatus) -> str:
    if status.state is ModelState.UNLOADED:
        return status.model.id
    return f"{status.model.id} · {status.state}"
