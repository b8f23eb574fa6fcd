"""Before a service's time is over, another one takes its place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from ground import Rows, cookbook, local_site, until
from test_service_states import RUNNING

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.services.hand_over import DRAIN_S, may_go, need_successors
from jupyter_llm.services.record import Record
from jupyter_llm.services.services import Services
from jupyter_llm.types import Service, ServiceState

BEFORE = replace(
    RUNNING,
    hands_over=True,
    service=replace(RUNNING.service, time_limit_s=7200, ends_at=10_000.0),
)


def after(state: ServiceState, running_since: float | None = None) -> Record:
    service = replace(BEFORE.service, id="18", successor_of="17", state=state, ends_at=None)
    return replace(BEFORE, key="slurm-2", service=service, running_since=running_since)


def changed(**changes: object) -> Record:
    return replace(BEFORE, service=replace(BEFORE.service, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "now", "is_due"),
    [
        ([BEFORE], 8_100.0, False),
        ([BEFORE], 8_200.0, True),
        ([BEFORE], 20_000.0, True),
        # of a short one at half of its time
        ([changed(time_limit_s=600)], 9_600.0, False),
        ([changed(time_limit_s=600)], 9_701.0, True),
        ([replace(BEFORE, hands_over=False)], 9_000.0, False),
        ([replace(BEFORE, cancelled_at=1.0)], 9_000.0, False),
        ([changed(state=ServiceState.CONFIGURING)], 9_000.0, False),
        ([changed(state=ServiceState.FAILED)], 9_000.0, False),
        ([changed(ends_at=None)], 9_000.0, False),
        # one at a time, and none after one that failed
        ([BEFORE, after(ServiceState.PENDING)], 9_000.0, False),
        ([BEFORE, after(ServiceState.FAILED)], 9_000.0, False),
    ],
)
def test_a_successor_is_due(records: list[Record], now: float, is_due: bool) -> None:
    assert need_successors(records, 1800.0, now) == (records[:1] if is_due else [])


@pytest.mark.parametrize(
    ("before", "successor", "is_free"),
    [
        (BEFORE, after(ServiceState.RUNNING, 9_000.0 - DRAIN_S), True),
        (BEFORE, after(ServiceState.RUNNING, 9_001.0 - DRAIN_S), False),
        (BEFORE, after(ServiceState.CONFIGURING), False),
        (BEFORE, after(ServiceState.FAILED, 1.0), False),
        (replace(BEFORE, cancelled_at=1.0), after(ServiceState.RUNNING, 1.0), False),
        (changed(state=ServiceState.TIMEOUT), after(ServiceState.RUNNING, 1.0), False),
    ],
)
def test_a_predecessor_may_go(before: Record, successor: Record, is_free: bool) -> None:
    found = may_go([before, successor], 9_000.0)
    assert found == ([(before, successor)] if is_free else [])


def test_what_has_no_end_hands_nothing_over(tmp_path: Path) -> None:
    async def main() -> None:
        services = Services(cookbook(tmp_path), local_site(tmp_path), Rows(), 0.2)
        with pytest.raises(InvalidRequestError) as caught:
            await services.create("server", {"hand_over": True}, owner="")
        assert caught.value.param == "config.hand_over"
        await services.stop()

    asyncio.run(main())


@pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")
def test_a_successor_takes_over_with_the_same_name_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_llm.services.hand_over.DRAIN_S", 0.5)
    rows = Rows()
    config = {"hand_over": True, "resources": {"time_limit": 10}}

    def has_ended(service: Service) -> bool:
        return service.state.is_final

    async def main() -> None:
        recipes, site = cookbook(tmp_path / "recipes"), local_site(tmp_path)
        services = Services(recipes, site, rows, 0.2, lead_s=0)
        first = await services.create("server", config, owner="ada", name="mine")
        await until(services, first.id, lambda each: each.state is ServiceState.RUNNING)
        await asyncio.sleep(1)
        assert len(await services.all(None)) == 1
        await services.stop()

        # another server, for which the time has come
        services = Services(recipes, site, rows, 0.2, lead_s=1800)
        monkeypatch.setattr(
            "jupyter_llm.services.hand_over._is_near_its_end",
            lambda record, *_: record.service.id == first.id,
        )
        ended = await until(services, first.id, has_ended)
        (successor,) = [each for each in await services.all("ada") if each.id != first.id]
        assert ended.state is ServiceState.CANCELLED
        assert ended.reason == f"{successor.id} has taken over from it."
        assert (successor.name, successor.successor_of) == ("mine", first.id)
        assert successor.state is ServiceState.RUNNING
        assert await services.key_of(successor.id) == await services.key_of(first.id)
        await asyncio.sleep(1)
        assert len(await services.all(None)) == 2
        await services.cancel(successor.id, "ada")
        await until(services, successor.id, has_ended)
        await services.stop()

    asyncio.run(main())


@pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")
def test_who_cancels_a_service_cancels_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "jupyter_llm.services.hand_over._is_near_its_end",
        lambda record, *_: not record.service.successor_of,
    )
    config = {"hand_over": True, "resources": {"time_limit": 10}}

    async def main() -> None:
        site = local_site(tmp_path)
        services = Services(cookbook(tmp_path / "recipes"), site, Rows(), 0.2)
        first = await services.create("server", config, owner="")
        while len(found := await services.all(None)) < 2:
            await asyncio.sleep(0.05)
        await services.cancel(first.id, None)
        for service in found:
            ended = await until(services, service.id, lambda each: each.state.is_final)
            assert ended.state is ServiceState.CANCELLED
        await services.stop()

    asyncio.run(main())
