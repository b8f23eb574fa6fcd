from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.registry import recorder as module
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.hours import HOUR_S, hour_of, read_usage
from jupyter_llm.registry.recorder import Recorder
from jupyter_llm.registry.records import ModelRecord, forget_model, read_records
from jupyter_llm.types import FinishedRequest, Model, ModelUsage, UsageSums

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jupyter_llm.registry.hours import By

MODEL = Model(id="m", path="/m.gguf", format="gguf", engine="llama_cpp", size_bytes=5_000_000_000)
TODAY = datetime.now(UTC).date().isoformat()


def used(
    prompt_tokens: int, completion_tokens: int, *, at: float = 0, user: str = ""
) -> FinishedRequest:
    return FinishedRequest(
        at=at or time.time(),
        model_id="m",
        user=user,
        outcome="stop",
        num_prompt_tokens=prompt_tokens,
        num_completion_tokens=completion_tokens,
        first_token_s=0.5,
        duration_s=2.0,
    )


def usage(num_requests: int, prompt_tokens: int, completion_tokens: int) -> ModelUsage:
    return ModelUsage(
        model_id="m",
        num_requests=num_requests,
        num_prompt_tokens=prompt_tokens,
        num_completion_tokens=completion_tokens,
    )


async def record(registry: Registry) -> ModelRecord:
    return (await registry.run(read_records))["m"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_requests_and_their_tokens_are_added_up(registry: Registry) -> None:
    for _ in range(2):
        recorder = Recorder(registry, on_counted=lambda _: None)
        recorder.count(MODEL, used(10, 5))
        recorder.count(MODEL, used(1, 2))
        recorder.count(MODEL, used(0, 0))
        await recorder.close()

    assert (await record(registry)).usage == usage(6, 22, 14)


async def test_two_servers_add_to_the_same_counts(url: str) -> None:
    registries = [Registry(url) for _ in range(2)]
    recorders = [Recorder(registry, on_counted=lambda _: None) for registry in registries]
    for _ in range(20):
        for recorder in recorders:
            recorder.count(MODEL, used(1, 1))
        await asyncio.gather(*(recorder._write() for recorder in recorders))

    assert (await record(registries[0])).usage == usage(40, 40, 40)
    for recorder, registry in zip(recorders, registries, strict=True):
        await recorder.close()
        await registry.close()


async def test_what_happened_is_written_in_the_background_and_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FLUSH_AFTER_S", 0.01)
    told: list[ModelUsage] = []
    recorder = Recorder(registry, on_counted=told.append)
    recorder.count(MODEL, used(3, 4))
    await until(lambda: bool(told))
    recorder.count(MODEL, used(1, 1))
    await until(lambda: len(told) == 2)

    assert told[0].day == TODAY
    assert (told[0].num_prompt_tokens, told[1].num_prompt_tokens) == (3, 1)
    assert (await record(registry)).usage == usage(2, 4, 5)
    await recorder.close()


async def test_a_model_that_is_seen_has_a_past(registry: Registry) -> None:
    recorder = Recorder(registry, on_counted=lambda _: None)
    recorder.note_seen([MODEL])
    await recorder._write()
    first = await record(registry)
    recorder.count(MODEL, used(0, 0))
    await recorder._write()
    then = await record(registry)

    assert first.first_seen_at == first.last_seen_at == then.first_seen_at
    assert first.last_used_at is None
    assert then.last_used_at == then.last_seen_at
    assert then.last_seen_at
    assert first.last_seen_at
    assert then.last_seen_at > first.last_seen_at
    recorder.note_seen([MODEL])
    await recorder._write()
    assert (await record(registry)).last_seen_at == then.last_seen_at
    await recorder.close()


async def test_a_deleted_model_leaves_its_counts(registry: Registry) -> None:
    recorder = Recorder(registry, on_counted=lambda _: None)
    recorder.count(MODEL, used(3, 4))
    await recorder._write()
    recorder.forget("m")
    await registry.run(lambda session: forget_model(session, "m"))
    assert await registry.run(read_records) == {}

    recorder.note_seen([MODEL])
    await recorder.close()
    again = await record(registry)
    assert again.usage == usage(1, 3, 4)
    assert again.last_used_at is None


async def test_what_cannot_be_written_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_FLUSH_AFTER_S", 0.01)
    monkeypatch.setattr(module, "_RETRY_S", 0.05)
    path = tmp_path / "registry.sqlite3"
    path.write_bytes(b"This is no database." * 100)
    registry = Registry(f"sqlite:///{path}")
    told: list[ModelUsage] = []
    recorder = Recorder(registry, on_counted=told.append)
    recorder.count(MODEL, used(1, 1))
    await until(lambda: "not written down" in caplog.text)
    recorder.count(MODEL, used(2, 2))
    path.unlink()
    await until(lambda: bool(told))

    assert (await record(registry)).usage == usage(2, 3, 3)
    await recorder.close()
    await registry.close()


async def test_a_closed_recorder_leaves_no_task_behind(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.sqlite3'}")
    recorder = Recorder(registry, on_counted=lambda _: None)
    recorder.count(MODEL, used(1, 1))
    await recorder.close()
    recorder.count(MODEL, used(2, 2))

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "registry notes"]
    await registry.close()


async def test_nothing_to_note_makes_no_registry(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.sqlite3'}")
    await Recorder(registry, on_counted=lambda _: None).close()

    assert not await registry.exists()
    await registry.close()


async def test_use_is_counted_by_hour_model_and_user(registry: Registry) -> None:
    midnight = 1_700_006_400
    for _ in range(2):
        recorder = Recorder(registry, on_counted=lambda _: None)
        for hour, user in ((0, "ada"), (0, "ben"), (1, "ada"), (25, "ada")):
            recorder.count(MODEL, used(10, 5, at=midnight + hour * HOUR_S + 7, user=user))
        failed = replace(used(0, 0, at=midnight), outcome="overloaded", first_token_s=None)
        recorder.count(MODEL, failed)
        await recorder.close()

    async def read(by: By, since: int = midnight, step_s: int = HOUR_S) -> Mapping[Any, UsageSums]:
        return await registry.run(partial(read_usage, by=by, since=since, step_s=step_s))

    assert (await read("model_id"))["m"] == UsageSums(
        num_requests=10,
        num_failed=2,
        num_prompt_tokens=80,
        num_completion_tokens=40,
        num_first_tokens=8,
        first_token_s=4.0,
        duration_s=20.0,
    )
    users = await read("user_name", since=midnight + HOUR_S)
    assert {user: sums.num_requests for user, sums in users.items()} == {"ada": 4}
    hours = {at: sums.num_requests for at, sums in (await read("hour")).items()}
    assert hours == {midnight: 6, midnight + HOUR_S: 2, midnight + 25 * HOUR_S: 2}
    days = await read("hour", step_s=24 * HOUR_S)
    assert [sums.num_requests for _, sums in sorted(days.items())] == [8, 2]


async def test_hours_of_long_ago_are_forgotten(registry: Registry) -> None:
    recorder = Recorder(registry, on_counted=lambda _: None)
    recorder.count(MODEL, used(1, 1, at=1_600_000_000))
    recorder.count(MODEL, used(1, 1))
    await recorder.close()
    hours = await registry.run(partial(read_usage, by="hour", since=0))
    assert list(hours) == [hour_of(time.time())]
    assert (await record(registry)).usage.num_requests == 2
