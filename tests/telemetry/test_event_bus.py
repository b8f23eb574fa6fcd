from __future__ import annotations

import asyncio

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.telemetry.events import KINDS, EventBus


def test_a_subscriber_gets_the_events_of_its_kinds_in_order() -> None:
    async def scenario() -> list[tuple[str, int]]:
        bus = EventBus()
        with bus.subscribe(["model", "vram"]) as events:
            for number, kind in enumerate(["model", "usage", "vram", "model"]):
                bus.publish(kind, number)
            got = [await anext(events) for _ in range(3)]
        return [(event.kind, event.payload) for event in got]

    assert asyncio.run(scenario()) == [("model", 0), ("vram", 2), ("model", 3)]


def test_every_subscriber_gets_every_event() -> None:
    async def scenario() -> list[int]:
        bus = EventBus()
        with bus.subscribe() as one, bus.subscribe() as two:
            bus.publish("model", 1)
            return [(await anext(one)).payload, (await anext(two)).payload]

    assert asyncio.run(scenario()) == [1, 1]


def test_a_subscriber_that_waits_is_woken() -> None:
    async def scenario() -> int:
        bus = EventBus()
        with bus.subscribe() as events:
            asyncio.get_running_loop().call_later(0.01, bus.publish, "model", 7)
            async with asyncio.timeout(5):
                return (await anext(events)).payload

    assert asyncio.run(scenario()) == 7


def test_a_slow_subscriber_loses_its_oldest_events_and_learns_how_many() -> None:
    async def scenario() -> list[tuple[int, int]]:
        bus = EventBus()
        with bus.subscribe(max_pending=3) as events:
            for number in range(10):
                bus.publish("model", number)
            got = [await anext(events) for _ in range(3)]
            bus.publish("model", 10)
            got.append(await anext(events))
        return [(event.payload, event.num_missed) for event in got]

    assert asyncio.run(scenario()) == [(7, 7), (8, 0), (9, 0), (10, 0)]


def test_who_has_left_costs_nothing() -> None:
    async def scenario() -> tuple[int, int]:
        bus = EventBus()
        with bus.subscribe() as events:
            inside = bus.num_subscribers
        events.close()
        bus.publish("model", 1)
        return inside, bus.num_subscribers

    assert asyncio.run(scenario()) == (1, 0)


def test_whoever_waits_is_told_the_end() -> None:
    async def scenario() -> list[int]:
        bus = EventBus()
        with bus.subscribe() as events:
            bus.publish("model", 1)
            asyncio.get_running_loop().call_later(0.01, bus.close)
            async with asyncio.timeout(5):
                return [event.payload async for event in events]

    assert asyncio.run(scenario()) == [1]


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequestError, match=r"weather.*model, removed, download") as refused:
        EventBus().subscribe(["model", "weather"])
    assert refused.value.param == "subscribe"


def test_the_kinds_are_those_of_the_documentation() -> None:
    assert KINDS == ("model", "removed", "download", "vram", "service", "usage", "queue")
