from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from stage import scenario, stage
from troupe import ScriptedEngine

from jupyter_llm.engines.estimate import estimate
from jupyter_llm.errors import InsufficientMemoryError
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.manager import adviser
from jupyter_llm.manager.advice import Candidate, candidates, room_bytes, to_unload
from jupyter_llm.manager.eviction import Resident
from jupyter_llm.types import LoadOptions, MemoryUse, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
MODEL = Model(
    id="m-Q8_0",
    format="gguf",
    engine="llama_cpp",
    size_bytes=1000 * MIB,
    architecture="qwen2",
    num_parameters=10**9,
    context_length=32_768,
    num_kv_values=16_384,
)
SMALLER = replace(MODEL, id="m-Q4_0", size_bytes=600 * MIB, num_parameters=1_010_000_000)
SMALLEST = replace(MODEL, id="m-Q2_K", size_bytes=400 * MIB)
STRANGER = replace(MODEL, id="other", size_bytes=500 * MIB, architecture="llama")
BUFFERS_BYTES = 100 * MIB
KV_BYTES = 512 * MIB
"""16,384 values of two bytes in 16,384 cells: a context of 8,192 tokens for two slots or more."""


def ways(
    room_mib: int, options: LoadOptions | None = None, others: Sequence[Model] = ()
) -> list[Any]:
    """What may fit, as the changes of options or the name of another model."""
    wanted = Candidate(model=MODEL, options=options or LoadOptions(), changes={})
    need = replace(estimate(MODEL, wanted.options), compute_bytes=BUFFERS_BYTES)
    found = candidates(wanted, need, room_mib * MIB, others)
    return [dict(one.changes) if one.model is MODEL else one.model.id for one in found]


def test_the_example_needs_what_it_says() -> None:
    assert estimate(MODEL, LoadOptions()).kv_cache_bytes == KV_BYTES


@pytest.mark.parametrize(
    ("room_mib", "expected"),
    [
        # needed are 1,000 for weights, 512 for the KV cache and 100 for buffers
        (1611, [{"kv_type": "q8_0"}, {"slots": 1}, {"context_length": 4096}]),
        (1371, [{"slots": 1}, {"context_length": 4096}]),
        (1355, [{"context_length": 2048}]),
        (1131, [{"kv_type": "q8_0", "slots": 1, "context_length": 1024}]),
        (1000, []),
    ],
)
def test_one_change_is_better_than_several(room_mib: int, expected: list[Any]) -> None:
    assert ways(room_mib) == expected


def test_what_is_chosen_already_is_no_change() -> None:
    small = LoadOptions(kv_type="q8_0", slots=1, context_length=512)
    assert ways(1100, small) == []


def test_cells_that_were_asked_for_shrink_with_the_context() -> None:
    assert ways(1300, LoadOptions(num_kv_cells=16_384, kv_type="q8_0")) == [
        {"context_length": 8192, "num_kv_cells": 8192}
    ]


def test_another_quantization_of_the_same_model_is_the_largest_that_fits() -> None:
    assert ways(1250, others=[MODEL, STRANGER, SMALLEST, SMALLER])[-1] == "m-Q4_0"
    assert ways(1050, others=[MODEL, STRANGER, SMALLEST, SMALLER]) == ["m-Q2_K"]
    assert ways(1050, others=[MODEL, STRANGER]) == []


def resident(name: str, num_bytes: int, *, is_pinned: bool = True) -> Resident:
    return Resident(id=name, num_bytes=num_bytes, last_used_at=0, is_pinned=is_pinned)


def test_as_few_pinned_models_are_named_as_will_do() -> None:
    residents = [resident("a", 30), resident("b", 10), resident("idle", 5, is_pinned=False)]
    room = room_bytes(10, residents)
    assert room == 15
    assert to_unload(20, room, residents) == ("b",)
    assert to_unload(30, room, residents) == ("a",)
    assert to_unload(55, room, residents) == ("b", "a")
    assert to_unload(56, room, residents) == ()


class Probes:
    """Makes `echo` the model above, and its engine one that takes what its options say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.options: list[LoadOptions] = []
        monkeypatch.setattr(ScriptedEngine, "probe", self.probe)
        monkeypatch.setattr(Catalogue, "resolve", self.resolve)

    async def resolve(self, _name: str) -> Model:
        return replace(MODEL, id="echo", engine="echo")

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        self.options.append(options)
        # more than is expected, with one slot
        buffers = 300 * MIB if options.slots == 1 else BUFFERS_BYTES
        return replace(estimate(model, options), compute_bytes=buffers)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> Probes:
    return Probes(monkeypatch)


@scenario
async def test_what_is_suggested_was_tried(probes: Probes) -> None:
    async with stage(free_bytes=1400 * MIB) as s:
        with pytest.raises(InsufficientMemoryError) as refused:
            await s.manager.load("echo")
        error = refused.value
        assert (error.need_bytes, error.free_bytes) == (1612 * MIB, 1400 * MIB)
        assert [dict(one.options) for one in error.suggestions] == [
            {"kv_type": "q8_0"},
            {"context_length": 4096},
        ]
        assert all(one.need_bytes <= error.free_bytes for one in error.suggestions)
        assert "with kv_type=q8_0 (1.34 GiB), or with context_length=4096" in error.message
        assert {options.slots for options in probes.options} == {None, 1}
        # and it is true
        status = await s.manager.load("echo", LoadOptions(kv_type="q8_0"))
        assert status.memory.total_bytes <= error.free_bytes


@scenario
async def test_advice_is_given_once_and_remembered(probes: Probes) -> None:
    async with stage(free_bytes=1400 * MIB) as s:
        for _ in range(3):
            with pytest.raises(InsufficientMemoryError, match="q8_0"):
                await s.manager.load("echo")
        assert len(probes.options) == 4


@scenario
async def test_advice_that_takes_too_long_is_left_out(
    probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adviser, "ADVICE_TIMEOUT_S", 0.05)
    quick = probes.probe

    async def slow(model: Model, options: LoadOptions) -> MemoryUse:
        if options.slots == 1:
            await asyncio.sleep(60)
        return await quick(model, options)

    monkeypatch.setattr(ScriptedEngine, "probe", staticmethod(slow))
    async with stage(free_bytes=1400 * MIB) as s:
        with pytest.raises(InsufficientMemoryError) as refused:
            await s.manager.load("echo")
        assert [dict(one.options) for one in refused.value.suggestions] == [{"kv_type": "q8_0"}]
