"""Two servers with one registry: each knows what the other does, and nothing is done twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ground import Rows, cookbook, local_site, until
from test_service_states import RUNNING

from jupyter_llm.services import services as services_module
from jupyter_llm.services import succession
from jupyter_llm.services.decide import CANCELLING, taken_up
from jupyter_llm.services.hand_over import successor_key
from jupyter_llm.services.services import Services
from jupyter_llm.types import Service, ServiceState

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")

ENDED = replace(RUNNING, service=replace(RUNNING.service, state=ServiceState.FAILED))
TO_END = replace(RUNNING, cancelled_at=5.0, cancelled_because="18 has taken over from it.")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_module, "LISTED_AGE_S", 0.0)
    monkeypatch.setattr(services_module, "TAKEN_UP_EVERY_S", 0.0)


def test_what_others_have_decided_holds_and_what_is_seen_each_sees() -> None:
    assert taken_up(None, RUNNING) == RUNNING
    assert taken_up(RUNNING, ENDED) == ENDED
    assert taken_up(ENDED, RUNNING) == ENDED
    elsewhere = replace(RUNNING, service=replace(RUNNING.service, nodes=("n9",)))
    assert taken_up(RUNNING, elsewhere) == RUNNING
    told = taken_up(RUNNING, TO_END)
    assert (told.cancelled_at, told.cancelled_because) == (5.0, "18 has taken over from it.")
    assert told.service.reason == CANCELLING
    assert taken_up(TO_END, RUNNING) == TO_END


def test_a_successor_has_one_key_on_every_server() -> None:
    assert successor_key("slurm-1") == successor_key("slurm-1") != successor_key("slurm-2")
    assert successor_key("slurm-1").startswith("slurm-")


@contextlib.asynccontextmanager
async def two(folder: Path, num_gpus: int = 0) -> AsyncIterator[tuple[Services, Services, Rows]]:
    rows, recipes = Rows(), cookbook(folder / "recipes")
    one, other = (
        Services(recipes, local_site(folder, num_gpus), rows, 0.2, lead_s=0) for _ in range(2)
    )
    try:
        await one.start_up()
        await other.start_up()
        yield one, other, rows
    finally:
        for service in await one.all(None):
            await one.cancel(service.id, None)
        for service in await one.all(None):
            await until(one, service.id, is_final)
        await one.stop()
        await other.stop()


def is_final(service: Service) -> bool:
    return service.state.is_final


def is_running(service: Service) -> bool:
    return service.state is ServiceState.RUNNING


def test_each_knows_and_ends_what_the_other_has_started(tmp_path: Path) -> None:
    async def main() -> None:
        async with two(tmp_path) as (one, other, _):
            told: list[Service] = []
            other.subscribe(told.append)
            made = await one.create("server", None, owner="ada")
            assert [each.id for each in await other.all("ada")] == [made.id]
            assert await other.all("eve") == []
            running = await until(other, made.id, is_running)
            assert running.replicas
            assert {each.id for each in told} == {made.id}
            await other.cancel(made.id, "ada")
            ended = await until(one, made.id, is_final)
            assert ended.state is ServiceState.CANCELLED
            assert (await until(other, made.id, is_final)).state is ServiceState.CANCELLED

    asyncio.run(main())


def test_no_gpu_is_given_away_twice(tmp_path: Path) -> None:
    config = {"resources": {"gpu": 1}}

    async def main() -> None:
        async with two(tmp_path, num_gpus=2) as (one, other, rows):
            await one.create("server", config, owner="")
            await other.create("server", config, owner="")
            assert sorted(row["record"]["gpus"] for row in rows.rows.values()) == ["0", "1"]

    asyncio.run(main())


def test_one_of_two_servers_starts_the_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_due = False
    asked: list[str] = []
    started = succession.Succession._start

    async def counted(self: succession.Succession, before: succession.Record) -> None:
        asked.append(before.key)
        await started(self, before)

    monkeypatch.setattr(succession.Succession, "_start", counted)
    monkeypatch.setattr(
        "jupyter_llm.services.hand_over._is_near_its_end",
        lambda record, *_: is_due and not record.service.successor_of,
    )
    config = {"hand_over": True, "resources": {"time_limit": 10}}

    async def main() -> None:
        nonlocal is_due
        async with two(tmp_path) as (one, other, rows):
            first = await one.create("server", config, owner="ada")
            for services in (one, other):
                await until(services, first.id, is_running)
            # neither hears of the other's before it has tried itself
            monkeypatch.setattr(services_module, "TAKEN_UP_EVERY_S", 3600.0)
            is_due = True
            await so_that(lambda: len(asked) >= 2)
            await so_that(lambda: len(rows.rows) == 2)
            for services in (one, other):
                (successor,) = [each for each in await services.all("ada") if each.id != first.id]
                assert successor.successor_of == first.id
                await until(services, successor.id, is_running)
            assert len(rows.rows) == 2
            assert len(list((tmp_path / "jobs").iterdir())) == 2

    asyncio.run(main())


async def so_that(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.05)
