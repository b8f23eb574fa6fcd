"""`MemoryMonitor`: whose the memory of the server's machine is, live."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

from ipywidgets import HTML, VBox

from jupyter_llm.client.tables import Table, memory_table, size

from .live import LiveWidget
from .memory_chart import device_html
from .memory_history import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.client.events import Event
    from jupyter_llm.client.memory import MemoryReport

HISTORY_S = 300.0


class MemoryMonitor(LiveWidget):
    """Each device's memory by owner with its last minutes, and what each model takes.

    The server measures while somebody listens, every two seconds. Nothing is measured while
    no page shows the monitor.

    Args:
        history_s: Seconds that the picture goes back.
        client: The server to talk to; by default the one that started this kernel.
    """

    kinds: ClassVar[tuple[str, ...]] = ("vram",)

    def __init__(self, history_s: float = HISTORY_S, *, client: Client | None = None) -> None:
        self._history_s = history_s
        self._histories: dict[str, MemoryHistory] = {}
        self._pictures: dict[str, HTML] = {}
        self.report: MemoryReport | None = None
        self._devices = VBox()
        self._models = HTML()
        super().__init__(client)
        self._assemble(self._devices, self._models)

    @property
    def samples(self) -> list[dict[str, Any]]:
        """What was measured: a row for each device and time, as a DataFrame takes them."""
        return [
            {
                "device": device,
                "at": sample.at,
                "own_bytes": sample.own_bytes,
                "other_servers_bytes": sample.other_servers_bytes,
                "others_bytes": sample.others_bytes,
            }
            for device, history in self._histories.items()
            for sample in history.samples
        ]

    def refresh(self) -> None:
        """Measure now."""
        self._show(self.client.memory(), time.time())

    def _on_events(self, events: Sequence[Event]) -> None:
        for event in events:
            self._note(event.data, event.at)
        if events:
            self._draw(events[-1].data)

    def _show(self, report: MemoryReport, at: float) -> None:
        self._note(report, at)
        self._draw(report)

    def _note(self, report: MemoryReport, at: float) -> None:
        self.report = report
        for device in report.devices:
            history = self._histories.setdefault(device.id, MemoryHistory(self._history_s))
            history.add(device, at)

    def _draw(self, report: MemoryReport) -> None:
        for device in report.devices:
            if device.id not in self._pictures:
                self._pictures[device.id] = HTML()
                self._devices.children = tuple(self._pictures.values())
            samples = self._histories[device.id].samples
            self._pictures[device.id].value = device_html(device, samples, self._history_s)
        self._models.value = _models_html(report)

    def _text(self) -> str:
        if self.report is None:
            return "The memory is not known yet."
        tables = memory_table(self.report.devices), models_memory_table(self.report)
        return "\n\n".join(table.text() for table in tables)


def models_memory_table(report: MemoryReport) -> Table:
    """What each model of this server takes."""
    return Table(
        headers=("model", "memory", "engine"),
        rows=[(model.id, size(model.total_bytes), model.engine) for model in report.models],
        empty="This server has no model in memory.",
    )


def _models_html(report: MemoryReport) -> str:
    table = models_memory_table(report)
    hints = "".join(f"<div><small>{escape(hint)}</small></div>" for hint in report.hints)
    if not table.rows:
        return f"<div>{table.empty}</div>{hints}"
    heads = "".join(f'<th scope="col" style="{_CELL}">{head}</th>' for head in table.headers)
    rows = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{hints}"


_CELL = "padding: 0 1em 0 0; text-align: left"
