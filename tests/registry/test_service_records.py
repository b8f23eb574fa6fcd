from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.services import ServiceRecords


def row(key: str, *, created_at: float = 1.0, ended_at: float | None = None) -> dict[str, Any]:
    plain = dict.fromkeys(("job_id", "name", "recipe", "owner", "state"), "x")
    record = {"key": key}
    return {**plain, "key": key, "created_at": created_at, "ended_at": ended_at, "record": record}


@pytest.fixture
def here(registry: Registry) -> ServiceRecords:
    return ServiceRecords(registry, "here")


def keys(rows: list[dict[str, Any]]) -> list[str]:
    return [each["key"] for each in rows]


async def test_a_key_is_taken_once(here: ServiceRecords, registry: Registry) -> None:
    assert await here.add(row("a"))
    assert not await here.add(row("a", created_at=9.0))
    assert not await ServiceRecords(registry, "elsewhere").add(row("a"))
    [kept] = await here.all()
    assert kept["created_at"] == 1.0


async def test_two_servers_do_not_take_the_same_key(url: str, registry: Registry) -> None:
    other = Registry(url)
    one, two = ServiceRecords(registry, "here"), ServiceRecords(other, "here")
    await one.add(row("0"))
    for number in range(1, 20):
        taken = await asyncio.gather(one.add(row(str(number))), two.add(row(str(number))))
        assert sorted(taken) == [False, True]
    await other.close()


async def test_what_has_not_ended_or_is_new_is_recent(here: ServiceRecords) -> None:
    for each in (
        row("runs", created_at=1.0),
        row("ended", created_at=2.0, ended_at=10.0),
        row("long ago", created_at=3.0, ended_at=4.0),
        row("at once", created_at=9.0, ended_at=9.0),
    ):
        await here.save(each)

    assert keys(await here.recent(5.0)) == ["runs", "ended", "at once"]
    assert keys(await here.all()) == ["runs", "ended", "long ago", "at once"]


async def test_rows_of_another_place_are_left_alone(
    here: ServiceRecords, registry: Registry
) -> None:
    there = ServiceRecords(registry, "there")
    await here.save(row("a"))
    await there.save(row("b"))
    await here.delete(["a", "b"])

    assert await here.all() == []
    assert await here.recent(0.0) == []
    assert keys(await there.all()) == ["b"]
