"""How much memory is free for one more model, as functions of what is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_llm.hardware.kinds import CUDA, METAL, RAM

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from jupyter_llm.hardware.cgroup import MemoryLimit
    from jupyter_llm.hardware.devices import Reading
    from jupyter_llm.hardware.ledger import Neighbour
    from jupyter_llm.types import Device

UNBOUNDED_BYTES = 1 << 62
"""Free where nobody can say: on devices that this package cannot read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Memory of one model, in bytes by device.

    `before` is what this server held of each device when the load began, and
    `mapped_before_bytes` its mapped files then: what was added since is the model's. `file`
    identifies the model's file, `mapped_bytes` is what of it is mapped after the load.
    """

    held: Mapping[str, int]
    before: Mapping[str, int] = field(default_factory=dict)
    mapped_before_bytes: int = 0
    is_loading: bool = True
    file: str = ""
    mapped_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """All that is known at one moment: devices, models of this server, other servers."""

    reading: Reading
    claims: Sequence[Claim] = ()
    neighbours: Sequence[Neighbour] = ()


def devices_for(reading: Reading, kind: str) -> tuple[Device, ...]:
    """Where an engine that computes on `kind` puts its models; empty if nobody can say.

    1. A build for CUDA computes on the processor where it finds no GPU.
    2. Apple's GPUs share the system's memory.
    """
    gpus = tuple(device for device in reading.devices if device.kind == CUDA)
    if kind == CUDA and gpus:
        return gpus
    if kind in (CUDA, METAL, RAM):
        return tuple(device for device in reading.devices if device.id == RAM)
    return ()


def free_bytes(sight: Sight, kind: str, *, file: str = "", margin_bytes: int = 0) -> dict[str, int]:
    """What each device has for a model of `file`; below zero where too much is held already.

    Taken off what a device has free are a margin and whatever loads under way will still
    take: what of them is there already counts as used, and is not taken off twice.
    """
    reading = sight.reading
    free: dict[str, int] = {}
    for device in devices_for(reading, kind):
        own = sum(unseen(claim, reading, device).get(device.id, 0) for claim in sight.claims)
        left = _left_in_ram(sight, file) if device.id == RAM else _left_on_gpu(sight, device)
        free[device.id] = left - own - margin_bytes
    if kind == METAL:
        free |= _within_working_set(reading, free, margin_bytes)
    return free


def capacity_bytes(sight: Sight, kind: str, *, margin_bytes: int = 0) -> int:
    """What devices of this kind would have free if the models of this server were gone."""
    free = free_bytes(sight, kind, margin_bytes=margin_bytes)
    held = total_of(claim.held for claim in sight.claims)
    return sum_free({device: left + held.get(device, 0) for device, left in free.items()})


def unseen(
    claim: Claim, reading: Reading, device: Device, *, for_others: bool = False
) -> dict[str, int]:
    """What a load under way will still take of `device`.

    Files that this server has mapped count as used in its own reading, and as cache in
    that of others.
    """
    held = claim.held.get(device.id, 0)
    if not claim.is_loading or not held:
        return {}
    grown = device.own_bytes - claim.before.get(device.id, 0)
    if for_others and device.id == RAM:
        grown -= max(reading.own_mapped_bytes - claim.mapped_before_bytes, 0)
    return {device.id: min(max(held - max(grown, 0), 0), held)}


def sum_free(free: Mapping[str, int]) -> int:
    """What devices have free together, for a model that is spread over them."""
    if not free:
        return UNBOUNDED_BYTES
    return sum(left for left in free.values() if left > 0) or max(free.values())


def spread(num_bytes: int, free: Mapping[str, int]) -> dict[str, int]:
    """`num_bytes` on devices in proportion to what they have free, as llama.cpp does it."""
    room = {device: max(left, 0) for device, left in free.items()}
    total = sum(room.values())
    if not total:
        return dict.fromkeys(list(free)[:1], num_bytes)
    return {device: math.ceil(num_bytes * left / total) for device, left in room.items()}


def total_of(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum by device."""
    total: dict[str, int] = {}
    for part in parts:
        for device, num_bytes in part.items():
            total[device] = total.get(device, 0) + num_bytes
    return total


def own_files(sight: Sight) -> set[str]:
    """Files that this server maps itself."""
    return {claim.file for claim in sight.claims if claim.mapped_bytes}


def mapped_files(
    neighbours: Iterable[Neighbour], but_for: Collection[str] = ()
) -> Mapping[str, int]:
    """Files that other servers map, each once however many do."""
    found: dict[str, int] = {}
    for neighbour in neighbours:
        for file, num_bytes in neighbour.page.mapped.items():
            if file not in but_for:
                found[file] = max(found.get(file, 0), num_bytes)
    return found


def _left_on_gpu(sight: Sight, device: Device) -> int:
    loading = sum(one.page.unseen.get(device.id, 0) for one in sight.neighbours)
    return device.total_bytes - device.used_bytes - loading


def _left_in_ram(sight: Sight, file: str) -> int:
    """What the tightest limit leaves, where others count that are under it, too."""
    return min(limit.free_bytes - _taken(sight, limit, file) for limit in sight.reading.limits)


def _taken(sight: Sight, limit: MemoryLimit, file: str) -> int:
    """What other servers hold of this limit that it does not show as used."""
    bound = [one for one in sight.neighbours if limit.group in one.page.groups]
    loading = sum(one.page.unseen.get(RAM, 0) for one in bound)
    return loading + sum(mapped_files(bound, {file, *own_files(sight)}).values())


def _within_working_set(
    reading: Reading, free: Mapping[str, int], margin_bytes: int
) -> dict[str, int]:
    metal = next((device for device in reading.devices if device.kind == METAL), None)
    if metal is None:
        return {}
    left = metal.total_bytes - metal.used_bytes - margin_bytes
    return {RAM: min(left, free[RAM])}
