from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from stage import ASK, scenario, stage, until
from troupe import Part

from jupyter_llm.errors import EngineDiedError, ModelFileError, ModelLoadError, OverloadedError
from jupyter_llm.manager.settings import RestartPolicy
from jupyter_llm.types import FinishReason, GenerationRequest, ModelState


@scenario
async def test_the_first_request_loads_the_model() -> None:
    async with stage() as s:
        chunks = [chunk async for chunk in s.manager.generate(ASK)]
        assert "".join(chunk.text for chunk in chunks) == "0 1 2 "
        assert chunks[-1].finish_reason is FinishReason.STOP
        assert s.manager.loaded()[0].state is ModelState.READY


@scenario
async def test_a_request_without_a_model_goes_to_the_default_model() -> None:
    async with stage(default_model="echo") as s:
        request = GenerationRequest(id="1", model_id="", prompt="hello")
        assert await s.text(request) == "0 1 2 "


@scenario
async def test_closing_the_stream_closes_it_in_the_engine() -> None:
    async with stage(Part(token_gate=asyncio.Event())) as s:
        async with aclosing(s.manager.generate(ASK)) as stream:
            await anext(stream)
            assert s.engine.num_running == 1
        assert s.engine.num_running == 0
        assert s.manager._parts.instances._by_id["echo"].door.num_inside == 0


@scenario
async def test_a_request_beyond_slots_and_queue_is_told_when_to_come_back() -> None:
    gate = asyncio.Event()
    async with stage(Part(slots=2, token_gate=gate), max_queued_requests=3) as s:
        await s.manager.load("echo")
        inside = [asyncio.create_task(s.text()) for _ in range(5)]
        await until(lambda: s.num_waiting == 3)
        assert s.engine.num_running == 2
        with pytest.raises(OverloadedError, match="5 requests") as refused:
            await s.text()
        assert refused.value.retry_after_s is not None
        assert refused.value.retry_after_s >= 1.0
        gate.set()
        assert await asyncio.gather(*inside) == ["0 1 2 "] * 5
        assert await s.text() == "0 1 2 "


@scenario
async def test_requests_that_wait_for_the_load_are_bounded_too() -> None:
    gate = asyncio.Event()
    async with stage(Part(load_gate=gate), max_queued_requests=3) as s:
        asked = [asyncio.create_task(s.text()) for _ in range(20)]
        await until(lambda: sum(task.done() for task in asked) == 16)
        gate.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert answers.count("0 1 2 ") == 4
        assert sum(isinstance(answer, OverloadedError) for answer in answers) == 16


@scenario
async def test_an_engine_that_dies_ends_its_streams_and_comes_back() -> None:
    gate = asyncio.Event()
    async with stage(Part(slots=12, token_gate=gate), Part()) as s:
        streams = [asyncio.create_task(s.text()) for _ in range(8)]
        await until(lambda: bool(s.troupe.engines) and s.engine.num_running == 8)
        s.engine.die("Signal 9.")
        ended = await asyncio.gather(*streams, return_exceptions=True)
        assert [str(error) for error in ended] == ["Signal 9."] * 8
        await s.until_state(ModelState.READY)
        assert s.troupe.engines[0].num_unloads >= 1
        assert await s.text() == "0 1 2 "
        assert s.states == [
            *("queued", "loading", "ready"),
            "failed",
            *("queued", "loading", "ready"),
        ]
        assert next(e.error for e in s.events if e.state is ModelState.FAILED) == "Signal 9."


@scenario
async def test_a_request_during_the_restart_waits_for_it() -> None:
    async with stage() as s:
        await s.manager.load("echo")
        s.engine.die()
        await s.until_state(ModelState.FAILED)
        assert await s.text() == "0 1 2 "
        assert len(s.troupe.engines) == 2


@scenario
async def test_a_request_does_not_wait_for_a_distant_restart() -> None:
    distant = RestartPolicy(first_delay_s=500, max_delay_s=500)
    async with stage(restart=distant) as s:
        await s.manager.load("echo")
        s.engine.die()
        await s.until_state(ModelState.FAILED)
        await asyncio.sleep(0)
        with pytest.raises(EngineDiedError, match="next restart is in") as refused:
            await s.text()
        assert refused.value.retry_after_s is not None
        assert 400 < refused.value.retry_after_s <= 500


@scenario
async def test_restarts_end_after_their_number_and_the_next_request_begins_anew() -> None:
    dies_in_load = Part(load_error=EngineDiedError("Died while loading."))
    parts = Part(), *[dies_in_load] * 3, Part()
    async with stage(*parts, failed_load_cooldown_s=0.0) as s:
        await s.manager.load("echo")
        s.engine.die()
        await s.until_state(ModelState.FAILED)
        waiting = asyncio.create_task(s.text())
        with pytest.raises(EngineDiedError, match="Died while loading"):
            await waiting
        assert len(s.troupe.engines) == 4
        assert s.manager.loaded()[0].state is ModelState.FAILED
        assert await s.text() == "0 1 2 "
        assert len(s.troupe.engines) == 5


@scenario
async def test_an_engine_that_dies_during_the_first_load_is_an_error_of_that_load() -> None:
    async with stage(Part(load_error=ModelFileError("It aborted on this file."))) as s:
        with pytest.raises(ModelFileError):
            await s.text()
        await asyncio.sleep(0.1)
        assert len(s.troupe.engines) == 1


@scenario
async def test_unload_ends_running_and_waiting_requests() -> None:
    async with stage(Part(token_gate=asyncio.Event())) as s:
        running = asyncio.create_task(s.text())
        await until(lambda: bool(s.troupe.engines) and s.engine.num_running == 1)
        await s.manager.unload("echo")
        with pytest.raises(EngineDiedError, match="Unloaded"):
            await running


@scenario
async def test_unload_during_the_back_off_ends_the_restarts() -> None:
    async with stage(restart=RestartPolicy(first_delay_s=5)) as s:
        await s.manager.load("echo")
        s.engine.die()
        await s.until_state(ModelState.FAILED)
        waiting = asyncio.create_task(s.text())
        await asyncio.sleep(0.01)
        await s.manager.unload("echo")
        with pytest.raises(ModelLoadError, match="unloaded"):
            await waiting
        assert len(s.troupe.engines) == 1


@scenario
async def test_a_user_without_a_turn_passes_everything_that_another_has_sent() -> None:
    gate = asyncio.Event()
    async with stage(Part(slots=5, token_gate=gate)) as s:
        heavy = [asyncio.create_task(s.text(replace(ASK, user="heavy"))) for _ in range(20)]
        await until(lambda: s.num_waiting == 16)
        assert s.engine.num_running == 4
        light = asyncio.create_task(s.text(replace(ASK, user="light")))
        await until(lambda: s.engine.num_running == 5)
        gate.set()
        assert await asyncio.gather(light, *heavy) == ["0 1 2 "] * 21


@scenario
async def test_a_request_that_gives_up_while_it_waits_never_reaches_the_engine() -> None:
    gate = asyncio.Event()
    async with stage(Part(slots=1, token_gate=gate)) as s:
        running = asyncio.create_task(s.text())
        await until(lambda: bool(s.troupe.engines) and s.engine.num_running == 1)
        waiting = asyncio.create_task(s.text())
        await until(lambda: s.num_waiting == 1)
        waiting.cancel()
        await until(lambda: s.num_waiting == 0)
        gate.set()
        assert await running == "0 1 2 "
        assert s.engine.num_requests == 1


@scenario
async def test_who_waits_survives_a_crash_of_the_engine() -> None:
    gate = asyncio.Event()
    async with stage(Part(slots=1, token_gate=gate), Part()) as s:
        running = asyncio.create_task(s.text())
        await until(lambda: bool(s.troupe.engines) and s.engine.num_running == 1)
        waiting = asyncio.create_task(s.text())
        await until(lambda: s.num_waiting == 1)
        s.engine.die()
        with pytest.raises(EngineDiedError):
            await running
        assert await waiting == "0 1 2 "


@scenario
async def test_who_waits_is_told_when_the_restart_is_far_away() -> None:
    distant = RestartPolicy(first_delay_s=500, max_delay_s=500)
    async with stage(Part(slots=1, token_gate=asyncio.Event()), restart=distant) as s:
        running = asyncio.create_task(s.text())
        await until(lambda: bool(s.troupe.engines) and s.engine.num_running == 1)
        waiting = [asyncio.create_task(s.text()) for _ in range(3)]
        await until(lambda: s.num_waiting == 3)
        s.engine.die()
        ends = await asyncio.gather(running, *waiting, return_exceptions=True)
        assert all(isinstance(end, EngineDiedError) for end in ends)
        assert sum("next restart is in" in str(end) for end in ends) == 3


@scenario
async def test_unload_ends_those_that_wait_for_a_turn() -> None:
    async with stage(Part(slots=1, token_gate=asyncio.Event())) as s:
        await s.manager.load("echo")
        asked = [asyncio.create_task(s.text()) for _ in range(3)]
        await until(lambda: s.num_waiting == 2 and s.engine.num_running == 1)
        await s.manager.unload("echo")
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == [
            *("EngineDiedError", "ModelLoadError", "ModelLoadError")
        ]


@scenario
async def test_a_turn_that_does_not_come_is_refused_with_a_retry_after() -> None:
    async with stage(Part(slots=1, token_gate=asyncio.Event()), queue_timeout_s=0.05) as s:
        running = asyncio.create_task(s.text())
        await until(lambda: bool(s.troupe.engines) and s.engine.num_running == 1)
        with pytest.raises(OverloadedError, match="did not come") as refused:
            await s.text()
        assert refused.value.retry_after_s is not None
        running.cancel()
