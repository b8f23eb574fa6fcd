"""How a model that does not fit would fit, as functions of what is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_llm.engines.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jupyter_llm.manager.eviction import Resident
    from jupyter_llm.types import LoadOptions, MemoryUse, Model

    Changes = Mapping[str, int | str]

_CONTEXT_LENGTHS = (16_384, 8192, 4096, 2048, 1024, 512)
_SMALL_KV = "q8_0"
_SMALL_KV_TYPES = {"q8_0", "q4_0"}
_SAME_SIZE = 0.05
"""Two quantizations of a model may differ by so much in what they count as parameters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A way to load that may fit: another quantization, or other options."""

    model: Model
    options: LoadOptions
    changes: Changes


def candidates(
    wanted: Candidate, need: MemoryUse, room_bytes: int, others: Iterable[Model]
) -> list[Candidate]:
    """Ways that should fit into `room_bytes`, the least loss first.

    1. One change alone: a KV cache of half the size, one slot, the longest context that fits.
    2. Only where none of these does: several of them.
    3. The largest other quantization of the model that is here, with the same options.
    """

    def fits(one: Candidate) -> bool:
        saved = _estimated(wanted) - _estimated(one)
        return saved > 0 and need.total_bytes - saved <= room_bytes

    single = [one for one in _single(wanted) if fits(one)]
    shorter = [one for one in _shorter(wanted, {}) if fits(one)][:1]
    found = single + shorter or [one for one in _combined(wanted) if fits(one)][:1]
    return found + [one for one in _quantizations(wanted, others) if fits(one)][:1]


def to_unload(need_bytes: int, room_bytes: int, residents: Iterable[Resident]) -> tuple[str, ...]:
    """Pinned models that would make room if somebody unloaded them, as few as will do."""
    missing = need_bytes - room_bytes
    pinned = sorted(
        (one for one in residents if one.is_pinned and one.num_bytes), key=lambda one: one.num_bytes
    )
    if enough := next((one for one in pinned if one.num_bytes >= missing), None):
        return (enough.id,)
    return tuple(one.id for one in pinned) if sum(o.num_bytes for o in pinned) >= missing else ()


def room_bytes(free_bytes: int, residents: Iterable[Resident]) -> int:
    """What would be free if all models left that may."""
    return free_bytes + sum(one.num_bytes for one in residents if not one.is_pinned)


def _single(wanted: Candidate) -> Iterator[Candidate]:
    if wanted.options.kv_type not in _SMALL_KV_TYPES:
        yield _changed(wanted, {"kv_type": _SMALL_KV})
    if wanted.options.num_kv_cells is None:
        yield _changed(wanted, {"slots": 1})


def _shorter(wanted: Candidate, changes: Changes) -> Iterator[Candidate]:
    longest = wanted.options.context_length or wanted.model.context_length
    for length in _CONTEXT_LENGTHS:
        if length < longest:
            cells = {} if wanted.options.num_kv_cells is None else {"num_kv_cells": length}
            yield _changed(wanted, {**changes, "context_length": length, **cells})


def _combined(wanted: Candidate) -> Iterator[Candidate]:
    changes: dict[str, int | str] = {}
    for one in _single(wanted):
        changes |= one.changes
    yield _changed(wanted, changes)
    yield from _shorter(wanted, changes)


def _changed(wanted: Candidate, changes: Changes) -> Candidate:
    options = replace(wanted.options, **changes)  # type: ignore[arg-type] # names of its fields
    return replace(wanted, options=options, changes=changes)


def _quantizations(wanted: Candidate, others: Iterable[Model]) -> Iterator[Candidate]:
    model = wanted.model
    same = [
        other
        for other in others
        if other.id != model.id
        and (other.engine, other.architecture) == (model.engine, model.architecture)
        and abs(other.num_parameters - model.num_parameters) <= _SAME_SIZE * model.num_parameters
        and other.size_bytes < model.size_bytes
    ]
    for other in sorted(same, key=lambda one: one.size_bytes, reverse=True):
        yield replace(wanted, model=other)


def _estimated(one: Candidate) -> int:
    return estimate(one.model, one.options).total_bytes
