"""Models as tables, for the magics and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jupyter_llm.types import Device, ListedModel, ModelStatus

_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows under headers; `empty` is said where there are no rows."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str

    def text(self) -> str:
        """The table in columns of equal width."""
        if not self.rows:
            return self.empty
        lines = [[header.upper() for header in self.headers], *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def markdown(self) -> str:
        """The table in GitHub's Markdown."""
        if not self.rows:
            return self.empty
        lines = [self.headers, ["---"] * len(self.headers), *self.rows]
        return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def models_table(models: Iterable[ListedModel]) -> Table:
    """What could be loaded, and whether it fits: `ls`."""
    return Table(
        headers=(
            *("model", "state", "size", "parameters", "quantization", "context"),
            *("memory", "fit", "engine"),
        ),
        rows=[
            (
                listed.status.model.id,
                listed.status.state,
                size(listed.status.model.size_bytes),
                count(listed.status.model.num_parameters),
                listed.status.model.quantization or "-",
                whole(listed.status.model.context_length),
                size(listed.estimate.total_bytes),
                "no engine" if listed.unavailable else listed.fit,
                listed.status.model.engine or "-",
            )
            for listed in models
        ],
        empty="There is no model here: put a GGUF file into the server's models directory.",
    )


def loaded_table(statuses: Iterable[ModelStatus]) -> Table:
    """What is in memory and what it does there: `ps`."""
    return Table(
        headers=("model", "state", "memory", "context", "slots", "running", "waiting", "KV cells"),
        rows=[
            (
                s.model.id,
                state(s),
                size(s.memory.total_bytes),
                whole(s.stats.context_length),
                whole(s.stats.slots),
                str(s.stats.num_running),
                str(s.stats.num_waiting),
                _kv_cells(s),
            )
            for s in statuses
        ],
        empty="No model is loaded. The first question loads one, and so does `load NAME`.",
    )


def memory_table(devices: Iterable[Device]) -> Table:
    """Whose the memory of each device is: `vram`."""
    return Table(
        headers=("device", "total", "free", "this server", "other servers", "others"),
        rows=[
            (
                d.name or d.id,
                size(d.total_bytes),
                size(max(d.total_bytes - d.used_bytes, 0)),
                size(d.own_bytes),
                size(d.other_servers_bytes),
                size(max(d.used_bytes - d.own_bytes - d.other_servers_bytes, 0)),
            )
            for d in devices
        ],
        empty="The server knows no device.",
    )


def state(status: ModelStatus) -> str:
    """The state in words: a load with its progress, a failure with its reason."""
    if status.error:
        return f"{status.state}: {status.error}"
    if 0 < status.progress < 1:
        return f"{status.state} {status.progress:.0%}"
    return status.state


def size(num_bytes: int) -> str:
    """`num_bytes` for people: 3 digits and a decimal unit."""
    if not num_bytes:
        return "-"
    value = float(num_bytes)
    for unit in _UNITS[:-1]:
        if value < _THOUSAND:
            return f"{value:.3g} {unit}"
        value /= _THOUSAND
    return f"{value:.3g} {_UNITS[-1]}"


def count(number: int) -> str:
    """A number of parameters for people: 3 digits, in M or B."""
    for divisor, letter in ((10**9, "B"), (10**6, "M")):
        if number >= divisor:
            return f"{number / divisor:.3g}{letter}"
    return whole(number)


def whole(number: int) -> str:
    """`number` to the last digit; 0 is unknown."""
    return str(number) if number else "-"


def _kv_cells(status: ModelStatus) -> str:
    used, total = status.stats.num_kv_cells_used, status.stats.num_kv_cells
    return f"{used} of {total}" if total else "-"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
