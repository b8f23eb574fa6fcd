"""What becomes of a request to a database whose connections do not last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted_service import Exchange, Service, service

from jupyter_llm.errors import CollectionExistsError, UpstreamError
from jupyter_llm.vectors.address import Address
from jupyter_llm.vectors.store import VectorStore

if TYPE_CHECKING:
    from scripted_service import Act

NAMES = {"result": {"collections": [{"name": "notes"}]}}


async def tell(exchange: Exchange) -> None:
    await exchange.answer(200, json.dumps(NAMES).encode())


async def refuse(exchange: Exchange) -> None:
    await exchange.answer(409, b'{"status": {"error": "there is one"}}')


async def hang_up(exchange: Exchange) -> None:
    exchange.writer.close()


async def say_nothing(exchange: Exchange) -> None:
    await exchange.until_left()


async def break_off(exchange: Exchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    await exchange.writer.drain()
    exchange.writer.close()


def in_turn(*acts: Act) -> Act:
    """Each of `acts` once, then the last one."""
    left = list(acts)

    async def act(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return act


def store_at(one: Service, **options: Any) -> VectorStore:
    async def where() -> Address:
        return Address(url=f"http://127.0.0.1:{one.port}/far", api_key="a key")

    return VectorStore(where, **{"timeout_s": 30.0, **options})


async def test_a_connection_is_used_again_and_the_key_goes_with_each_request() -> None:
    async with service() as one:
        one.acts = {"/far/collections": tell}
        store = store_at(one)
        for _ in range(3):
            assert await store.collections() == ("notes",)
        await store.close()
        assert (len(one.seen), one.num_connections) == (3, 1)
        assert {exchange.headers["api-key"] for exchange in one.seen} == {"a key"}


async def test_a_kept_connection_that_is_closed_meanwhile_costs_nobody_their_answer() -> None:
    async with service() as one:
        one.acts = {"/far/collections": in_turn(tell, hang_up, tell)}
        store = store_at(one)
        assert await store.collections() == ("notes",)
        assert await store.collections() == ("notes",)
        await store.close()
        assert (len(one.seen), one.num_connections) == (3, 2)


async def test_what_may_have_been_done_is_not_asked_twice() -> None:
    async with service() as one:
        one.acts = {"/far/collections": tell, "/far/collections/new": hang_up}
        store = store_at(one)
        await store.collections()
        with pytest.raises(UpstreamError, match="closed the connection"):
            await store.create("new", vector_size=4, distance="Cosine", indexes={})
        await store.close()
        assert len(one.of("/far/collections/new")) == 1


async def test_an_answer_that_breaks_off_is_none() -> None:
    async with service() as one:
        one.acts = {"/far/collections": break_off}
        store = store_at(one)
        with pytest.raises(UpstreamError, match="before its answer was complete"):
            await store.collections()
        await store.close()


async def test_who_is_silent_is_waited_for_so_long_and_hung_up_on() -> None:
    async with service() as one:
        one.acts = {"/far/collections": say_nothing}
        store = store_at(one, timeout_s=0.1)
        with pytest.raises(UpstreamError, match="has not answered"):
            await store.collections()
        await store.close()


async def test_an_error_leaves_the_connection_open() -> None:
    async with service() as one:
        one.acts = {"/far/collections/notes": refuse, "/far/collections": tell}
        store = store_at(one)
        with pytest.raises(CollectionExistsError):
            await store.create("notes", vector_size=4, distance="Cosine", indexes={})
        assert await store.collections() == ("notes",)
        await store.close()
        assert one.num_connections == 1
