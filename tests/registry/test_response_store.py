from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.errors import InvalidRequestError, PreviousResponseError, ResponseNotFoundError
from jupyter_llm.registry import responses
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.responses import ResponseStore, StoredResponse

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

DAY_S = 86_400.0


def response(number: int, *, after: int | None = None, age_days: float = 0.0) -> StoredResponse:
    return StoredResponse(
        id=f"resp_{number}",
        owner="ada",
        created_at=time.time() - age_days * DAY_S,
        previous_id=None if after is None else f"resp_{after}",
        input='[{"content": "\\u0000 ünï 🐘"}]',
        response='{"output": []}',
    )


@pytest.fixture
def store(registry: Registry) -> ResponseStore:
    return ResponseStore(registry, retention_days=30)


def num_rows(session: Session) -> int:
    from jupyter_llm.registry.tables import ResponseRow

    return session.query(ResponseRow).count()


async def test_a_response_is_read_as_it_was_saved(store: ResponseStore) -> None:
    saved = response(1)
    await store.save(saved)

    assert await store.get("resp_1", "ada") == saved


async def test_a_response_is_its_owners_alone(store: ResponseStore) -> None:
    await store.save(response(1))

    for stranger in ("eve", ""):
        with pytest.raises(ResponseNotFoundError):
            await store.get("resp_1", stranger)
        with pytest.raises(ResponseNotFoundError):
            await store.delete("resp_1", stranger)
        with pytest.raises(PreviousResponseError):
            await store.chain("resp_1", stranger)
    assert await store.get("resp_1", "ada")


async def test_a_deleted_response_is_gone(store: ResponseStore) -> None:
    await store.save(response(1))
    await store.delete("resp_1", "ada")

    with pytest.raises(ResponseNotFoundError, match="resp_1"):
        await store.get("resp_1", "ada")


@pytest.mark.parametrize("response_id", ["resp_2", "", "a\x00b", "\ud800", "'; DROP TABLE x"])
async def test_what_is_no_id_finds_nothing(store: ResponseStore, response_id: str) -> None:
    with pytest.raises(ResponseNotFoundError):
        await store.get(response_id, "ada")


async def test_a_chain_begins_with_the_first(store: ResponseStore) -> None:
    for number in range(4):
        await store.save(response(number, after=number - 1 if number else None))

    chain = await store.chain("resp_2", "ada")
    assert [stored.id for stored in chain] == ["resp_0", "resp_1", "resp_2"]


async def test_a_chain_with_a_gap_is_none(store: ResponseStore) -> None:
    await store.save(response(1))
    await store.save(response(2, after=1))
    await store.delete("resp_1", "ada")

    with pytest.raises(PreviousResponseError, match="resp_1") as raised:
        await store.chain("resp_2", "ada")
    assert raised.value.param == "previous_response_id"


async def test_a_chain_has_an_end(store: ResponseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MAX_CHAIN", 2)
    await store.save(response(1, after=1))

    with pytest.raises(InvalidRequestError, match="More than 2"):
        await store.chain("resp_1", "ada")


async def test_what_is_too_old_is_not_there_even_before_it_is_deleted(
    store: ResponseStore, registry: Registry
) -> None:
    await store.save(response(1, age_days=31))
    await store.save(response(2, age_days=29))
    with pytest.raises(ResponseNotFoundError):
        await store.get("resp_1", "ada")
    assert await registry.run(num_rows) == 2

    await store.prune()
    assert await registry.run(num_rows) == 1
    assert await store.get("resp_2", "ada")


async def test_old_responses_are_deleted_hour_by_hour(
    store: ResponseStore, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "_PRUNE_EVERY_S", 0.01)
    await store.save(response(1))
    pruning = asyncio.create_task(store.keep_pruned())
    await asyncio.sleep(0.05)
    await store.save(replace(response(2), created_at=1.0))
    async with asyncio.timeout(10):
        while await registry.run(num_rows) != 1:
            await asyncio.sleep(0.01)
    pruning.cancel()


async def test_pruning_makes_no_registry(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'none.sqlite3'}")
    await ResponseStore(registry, retention_days=30).prune()
    await registry.close()

    assert not (tmp_path / "none.sqlite3").exists()
