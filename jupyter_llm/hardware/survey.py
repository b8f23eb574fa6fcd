"""Who holds what of the machine's memory, for people to see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_llm.hardware.kinds import CUDA, RAM
from jupyter_llm.hardware.reckon import mapped_files, own_files, total_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.hardware.ledger import Neighbour
    from jupyter_llm.hardware.reckon import Sight
    from jupyter_llm.types import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A notebook server of this machine, and what its models hold: bytes by device."""

    user: str
    pid: int
    is_own: bool
    held: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The devices and the servers that hold models on them, this one first.

    `gpu_reason` says why a GPU is missing and `ledger_reason` why other servers are, both
    empty where nothing is amiss.
    """

    devices: tuple[Device, ...]
    holders: tuple[Holder, ...]
    gpu_reason: str = ""
    ledger_reason: str = ""


def survey(sight: Sight, *, ledger_reason: str = "") -> Survey:
    """Put together what the devices say, what this server holds, and what others say."""
    own = total_of(claim.held for claim in sight.claims)
    others = total_of(neighbour.page.held for neighbour in sight.neighbours)
    mapped_bytes = sum(mapped_files(sight.neighbours, own_files(sight)).values())
    import psutil

    process = psutil.Process()
    return Survey(
        devices=tuple(
            _shared_out(_with_mapped(device, mapped_bytes), own, others)
            for device in sight.reading.devices
        ),
        holders=(
            Holder(user=process.username(), pid=process.pid, is_own=True, held=own),
            *map(_holder, sight.neighbours),
        ),
        gpu_reason=sight.reading.gpu_reason,
        ledger_reason=ledger_reason,
    )


def _with_mapped(device: Device, mapped_bytes: int) -> Device:
    """The system takes files that other servers map for cache, and models need them."""
    if device.id != RAM:
        return device
    used_bytes = min(device.used_bytes + mapped_bytes, device.total_bytes)
    return replace(device, used_bytes=used_bytes)


def _shared_out(device: Device, own: Mapping[str, int], others: Mapping[str, int]) -> Device:
    """Whose it is. In a container the driver's process ids are not ours: then claims count."""
    own_bytes = device.own_bytes
    if device.kind == CUDA:
        own_bytes = min(max(own_bytes, own.get(device.id, 0)), device.used_bytes)
    rest_bytes = max(device.used_bytes - own_bytes, 0)
    return replace(
        device,
        own_bytes=own_bytes,
        other_servers_bytes=min(others.get(device.id, 0), rest_bytes),
    )


def _holder(neighbour: Neighbour) -> Holder:
    page = neighbour.page
    return Holder(user=_name(neighbour.user_id), pid=page.pid, is_own=False, held=page.held)


def _name(user_id: int) -> str:
    import pwd  # not on Windows, where no other server is seen

    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:  # a user of another container
        return str(user_id)
