from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from stage import scenario

from jupyter_llm.errors import ModelLoadError, OverloadedError, TooManyRequestsError
from jupyter_llm.manager import positions
from jupyter_llm.manager import turns as module
from jupyter_llm.manager.listeners import Listeners
from jupyter_llm.manager.turns import Bounds, Turn, Turns
from jupyter_llm.types import GenerationRequest, TokenChunk, Usage

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

MANY = 1 << 30


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)


class Inside:
    """The requests inside one model of `num_slots` slots."""

    def __init__(self, num_slots: int = 9, **bounds: Any) -> None:
        self.num_slots = num_slots
        bounds = {"max_waiting": MANY, "max_waiting_per_user": MANY, "timeout_s": 60.0} | bounds
        self.spent: list[tuple[str, int]] = []
        self.told: list[tuple[str, int]] = []
        self.turns = Turns(
            "m",
            Bounds(**bounds),
            num_slots=lambda: self.num_slots,
            listeners=Listeners(
                on_spent=lambda *spent: self.spent.append(spent),
                on_position=lambda user, position: self.told.append((user, position.position)),
            ),
        )

    def enter(self, user: str = "", **fields: Any) -> AbstractContextManager[Turn]:
        request = GenerationRequest(id="1", model_id="m", prompt="", user=user, **fields)
        return self.turns.enter(request, self.num_slots + self.turns.bounds.max_waiting)

    def refused_s(self) -> float:
        """What a request is told that finds no place."""
        request = GenerationRequest(id="1", model_id="m", prompt="")
        refusal = pytest.raises(OverloadedError)
        with refusal as refused, self.turns.enter(request, self.turns.num_inside):
            pass
        assert refused.value.retry_after_s is not None
        return refused.value.retry_after_s


@scenario
async def test_retry_after_follows_the_measured_rate() -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock, inside = Clock(patch), Inside()
        with inside.enter():
            for _ in range(10):
                with inside.enter():
                    clock.now += 4.0
            assert inside.refused_s() == 4.0


@scenario
async def test_only_the_latest_completions_count() -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock, inside = Clock(patch), Inside()
        with inside.enter():
            for pace_s in [50.0] * 10 + [2.0] * 64:
                with inside.enter():
                    clock.now += pace_s
            assert inside.refused_s() == pytest.approx(2.0, abs=0.1)


@scenario
async def test_who_leaves_without_a_turn_says_nothing_about_the_rate() -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock, inside = Clock(patch), Inside(num_slots=1)
        with inside.enter():
            clock.now += 30.0
            for _ in range(50):
                with inside.enter():
                    pass
            assert inside.refused_s() == 30.0


@scenario
async def test_an_idle_hour_says_nothing_about_the_rate() -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock, inside = Clock(patch), Inside()
        with inside.enter():
            clock.now += 1.0
        clock.now += 3600
        with inside.enter():
            clock.now += 5.0
            assert inside.refused_s() == 5.0


@scenario
async def test_a_request_that_fails_gives_its_place_back() -> None:
    inside = Inside()
    with pytest.raises(ValueError, match="odd"), inside.enter():
        raise ValueError("odd")
    assert inside.turns.num_inside == 0


@scenario
async def test_a_turn_comes_when_a_slot_is_free_and_not_before() -> None:
    inside = Inside(num_slots=1)
    with inside.enter() as second:
        await second.come()
        with inside.enter() as third:
            coming = asyncio.create_task(third.come())
            await asyncio.sleep(0)
            assert not coming.done()
            inside.num_slots = 2
            inside.turns.give()
            await coming


@scenario
async def test_who_leaves_while_waiting_is_out_at_once() -> None:
    inside = Inside(num_slots=1)
    with inside.enter("a"):
        with inside.enter("b"):
            assert inside.turns.queue.num_waiting == 1
        assert inside.turns.queue.num_waiting == 0
        with inside.enter("c") as third:
            assert not third.given.done()
        assert inside.turns.num_inside == 1


@scenario
async def test_a_turn_that_does_not_come_in_time_is_refused_with_the_measured_rate() -> None:
    inside = Inside(num_slots=1, timeout_s=0.01)
    with inside.enter(), inside.enter() as second:
        with pytest.raises(OverloadedError, match="did not come within") as refused:
            await second.come()
        assert refused.value.retry_after_s is not None
    assert inside.turns.num_inside == 0


@scenario
async def test_a_user_with_too_many_waiting_is_refused_and_others_are_not() -> None:
    inside = Inside(num_slots=1, max_waiting_per_user=2)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(inside.enter("a"))
        with pytest.raises(TooManyRequestsError, match="2 of your requests") as refused:
            stack.enter_context(inside.enter("a"))
        assert refused.value.retry_after_s is not None
        stack.enter_context(inside.enter("b"))
        assert inside.turns.queue.num_waiting == 3


@scenario
async def test_nobody_has_a_turn_while_the_model_does_not_serve_and_all_hear_of_its_end() -> None:
    inside = Inside(num_slots=0)
    with inside.enter("a") as first, inside.enter("b") as second:
        inside.turns.refuse(ModelLoadError("It was unloaded."))
        for turn in (first, second):
            with pytest.raises(ModelLoadError, match="unloaded"):
                await turn.come()


@scenario
async def test_tokens_are_charged_as_they_come_and_put_right_at_the_end() -> None:
    inside = Inside()
    counters = inside.turns.queue.counters
    with inside.enter("b"), inside.enter("a", prompt_tokens=tuple(range(100))) as turn:
        assert counters.of("a") == 100
        turn.count(TokenChunk(text="one"))
        turn.count(TokenChunk(text="", reasoning="two"))
        turn.count(TokenChunk(text=""))
        assert counters.of("a") == 104
        usage = Usage(prompt_tokens=100, completion_tokens=5, cached_tokens=90)
        turn.count(TokenChunk(text="", usage=usage))
        turn.settle()
        assert counters.of("a") == 10 + 2 * 5
        assert inside.spent == [("a", 105)]


@scenario
async def test_of_a_request_that_was_cut_off_what_is_known_is_told() -> None:
    inside = Inside()
    with inside.enter("a", prompt_tokens=(1, 2, 3)) as turn:
        turn.count(TokenChunk(text="one"))
    with inside.enter("b"):
        pass
    assert inside.spent == [("a", 4)]


@scenario
async def test_who_waits_is_told_where_they_stand_and_when_their_turn_has_come() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "FIRST_AFTER_S", 0.0)
        patch.setattr(positions, "EVERY_S", 0.0)
        inside = Inside(num_slots=1)
        with ExitStack() as first, ExitStack() as others:
            first.enter_context(inside.enter("a"))
            for user in "aab":
                others.enter_context(inside.enter(user))
            await asyncio.sleep(0.01)
            assert sorted(inside.told) == [("a", 1), ("a", 3), ("b", 2)]
            inside.told.clear()
            first.close()
            await asyncio.sleep(0.01)
            assert sorted(inside.told) == [("a", 0), ("a", 2), ("b", 1)]
        await asyncio.sleep(0.01)
        assert len(inside.told) == 3


@scenario
async def test_a_request_whose_turn_comes_at_once_is_told_nothing() -> None:
    inside = Inside(num_slots=1)
    for _ in range(3):
        with inside.enter("a"):
            pass
    await asyncio.sleep(0.15)
    assert inside.told == []
