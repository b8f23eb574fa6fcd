"""Whose the memory of the server's machine is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_llm.types import Device

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMemory:
    """What one model of this server takes on all devices together."""

    id: str
    engine: str = ""
    total_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryReport:
    """The answer of `GET /vram`: the devices, and the models of this server on them.

    `hints` say why a device or the other servers are not seen.
    """

    data: tuple[Device, ...]
    models: tuple[ModelMemory, ...] = ()
    hints: tuple[str, ...] = field(default=())

    @property
    def devices(self) -> Sequence[Device]:
        """The devices, the system's memory last."""
        return self.data


def report_from_json(body: dict[str, Any]) -> MemoryReport:
    """The report in the body of `GET /vram`; fields of a newer server are passed over."""
    import msgspec

    return msgspec.convert(body, MemoryReport)
