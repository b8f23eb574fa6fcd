from __future__ import annotations

import asyncio
import json
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import TYPE_CHECKING, Any

import pytest
from tornado.iostream import IOStream

from jupyter_llm.errors import EngineDiedError, LLMError
from jupyter_llm.handlers import stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Call
    from jupyter_server.serverapp import ServerApp
    from scripted import Script

MESSAGES = [{"role": "user", "content": "Hello there"}]
WHOLE = {"model": "echo", "messages": MESSAGES}
STREAM = {**WHOLE, "stream": True}


class RawClient:
    """One connection, written and read byte by byte."""

    def __init__(self, server: ServerApp, port: int, token: str) -> None:
        self._path = f"{server.base_url}llm/v1/chat/completions"
        self._port, self._token = port, token

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def send(self, body: Any) -> None:
        data = json.dumps(body).encode()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n\r\n"
        )
        self.writer.write(head.encode() + data)
        await self.writer.drain()

    async def until(self, mark: bytes) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.readuntil(mark)

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
def raw(
    script: Script,  # in place before the server is made
    llm_server: ServerApp,
    http_server: Any,  # listens
    jp_http_port: int,
) -> Callable[[], RawClient]:
    return lambda: RawClient(llm_server, jp_http_port, llm_server.identity_provider.token)


@pytest.fixture
def fast_keep_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE_S", 0.05)


async def test_each_token_is_sent_when_it_comes(
    script: Script, raw: Callable[[], RawClient]
) -> None:
    script.decode.clear()
    client = raw()
    await client.connect()
    await client.send(STREAM)

    head = await client.until(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"Content-Type: text/event-stream" in head
    assert b"Cache-Control: no-cache" in head
    assert b"X-Accel-Buffering: no" in head
    assert b'"one"' in await client.until(b'"one"')
    assert script.num_running == 1

    script.decode.set()
    rest = await client.until(b"data: [DONE]\n\n")
    assert rest.index(b'" two"') < rest.index(b'" three"') < rest.index(b'"stop"')
    await client.leave()


async def test_no_event_waits_for_the_client_to_confirm_the_one_before(
    script: Script, raw: Callable[[], RawClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = []
    set_nodelay = IOStream.set_nodelay

    def note(stream: IOStream, value: bool) -> None:
        sockets.append(stream.socket)
        set_nodelay(stream, value)

    monkeypatch.setattr(IOStream, "set_nodelay", note)
    script.decode.clear()
    client = raw()
    await client.connect()
    await client.send(STREAM)
    await client.until(b'"one"')

    assert [one.getsockopt(IPPROTO_TCP, TCP_NODELAY) for one in sockets] == [1]
    script.decode.set()
    await client.until(b"0\r\n\r\n")
    await client.leave()


async def test_the_connection_serves_another_request_after_a_stream(
    script: Script, raw: Callable[[], RawClient]
) -> None:
    client = raw()
    await client.connect()
    for body in (STREAM, STREAM, WHOLE):
        await client.send(body)
        await client.until(b"\r\n\r\n")
        await client.until(b"0\r\n\r\n" if body is STREAM else b'"timings":')
    await client.leave()

    assert len(script.requests) == 3


@pytest.mark.parametrize("body", [WHOLE, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("moment", ["loading", "prefill", "decode"])
async def test_a_client_that_leaves_frees_its_slot_at_once(
    script: Script, raw: Callable[[], RawClient], body: Any, moment: str
) -> None:
    getattr(script, moment).clear()
    client = raw()
    await client.connect()
    await client.send(body)
    if moment == "loading":
        await asyncio.sleep(0.1)
    else:
        await script.until_running(1)

    await client.leave()
    await asyncio.sleep(0.1)
    script.loading.set()
    await script.until_running(0)
    assert script.num_closed_early == len(script.requests)


@pytest.mark.parametrize("body", [WHOLE, STREAM], ids=["whole", "stream"])
async def test_a_client_that_leaves_takes_all_of_its_answers_along(
    script: Script, raw: Callable[[], RawClient], body: Any
) -> None:
    script.decode.clear()
    client = raw()
    await client.connect()
    await client.send({**body, "n": 5})
    await script.until_running(2)

    await client.leave()
    await script.until_running(0)
    assert script.num_closed_early == len(script.requests)


async def test_an_answer_that_fails_among_several_is_the_last_event(
    script: Script, call: Call
) -> None:
    script.error = EngineDiedError("The engine stopped.")
    answer = await call("v1/chat/completions", {**STREAM, "n": 3})

    assert answer.events[-1]["error"]["code"] == "engine_died"
    await script.until_running(0)


async def test_a_resumable_stream_does_not_end_with_its_client(
    script: Script, raw: Callable[[], RawClient], call: Call
) -> None:
    script.decode.clear()
    client = raw()
    await client.connect()
    await client.send({**STREAM, "resumable": True})
    head = await client.until(b'"one"')
    await client.leave()
    await asyncio.sleep(0.1)
    assert script.num_running == 1
    script.decode.set()

    answer_id = head.split(b'"id":"')[1].split(b'"')[0].decode()
    whole = await call(f"v1/streams/{answer_id}")
    assert whole.body.count(b"\nid: ") + 1 == len(whole.events)
    assert whole.events[-1] == "[DONE]"
    rest = await call(f"v1/streams/{answer_id}?after={len(whole.events) - 1}")
    assert rest.events == ["[DONE]"]
    missing = await call("v1/streams/chatcmpl-1")
    assert (missing.status, missing.error["code"]) == (404, "stream_not_found")


async def test_a_resumable_stream_that_fails_before_its_first_token_is_a_status(
    script: Script, call: Call
) -> None:
    script.tokens = ()
    script.error = LLMError("It broke.")
    answer = await call("v1/chat/completions", {**STREAM, "resumable": True})

    assert (answer.status, answer.error["message"]) == (500, "It broke.")


async def test_a_stream_that_its_client_named_can_be_stopped_before_it_says_anything(
    script: Script, raw: Callable[[], RawClient], call: Call
) -> None:
    script.prefill.clear()
    client = raw()
    await client.connect()
    named = {**STREAM, "resumable": True, "stream_id": "mine-1"}
    await client.send(named)
    await script.until_running(1)
    again = await call("v1/chat/completions", named)
    assert (again.status, again.error["param"]) == (400, "stream_id")

    stopped = await call("v1/streams/mine-1", method="DELETE")
    assert stopped.json["deleted"]
    await script.until_running(0)
    assert (await call("v1/streams/mine-1")).status == 404
    assert b"502" in await client.until(b"\r\n")
    await client.leave()


async def test_only_a_resumable_stream_has_a_name(call: Call) -> None:
    for changes in ({}, {"resumable": True, "stream_id": "a/b"}):
        answer = await call("v1/chat/completions", {**STREAM, "stream_id": "mine-1", **changes})
        assert (answer.status, answer.error["param"]) == (400, "stream_id")


async def test_a_client_that_leaves_while_a_model_loads_does_not_stop_the_load(
    script: Script, raw: Callable[[], RawClient], extension: Any
) -> None:
    script.loading.clear()
    client = raw()
    await client.connect()
    await client.send(STREAM)
    await asyncio.sleep(0.1)
    await client.leave()
    script.loading.set()

    status = await extension.manager.load("echo")
    assert status.state == "ready"
    assert script.requests == []


@pytest.mark.usefixtures("fast_keep_alive")
async def test_comments_keep_the_connection_open_while_nothing_comes(
    script: Script, raw: Callable[[], RawClient]
) -> None:
    script.prefill.clear()
    client = raw()
    await client.connect()
    await client.send(STREAM)

    await client.until(b": keep-alive\n\n")
    await client.until(b": keep-alive\n\n")
    script.prefill.set()
    assert b'"one"' in await client.until(b"data: [DONE]\n\n")
    await client.leave()


@pytest.mark.usefixtures("fast_keep_alive")
async def test_a_client_that_leaves_between_comments_frees_its_slot(
    script: Script, raw: Callable[[], RawClient]
) -> None:
    script.prefill.clear()
    client = raw()
    await client.connect()
    await client.send(STREAM)
    await client.until(b": keep-alive\n\n")
    await client.leave()

    await script.until_running(0)


class TestAnErrorAfterTheFirstToken:
    async def test_is_the_last_event(self, script: Script, call: Call) -> None:
        script.error = EngineDiedError("The engine stopped. Send the request again.")
        answer = await call("v1/chat/completions", STREAM)

        assert answer.status == 200
        assert answer.events[-1] == {
            "error": {
                "message": "The engine stopped. Send the request again.",
                "type": "server_error",
                "param": None,
                "code": "engine_died",
            }
        }
        assert "[DONE]" not in answer.events

    async def test_that_nobody_foresaw_tells_nothing_of_the_inside(
        self, script: Script, call: Call
    ) -> None:
        script.error = ZeroDivisionError("secret detail")
        answer = await call("v1/chat/completions", STREAM)

        assert answer.events[-1]["error"]["code"] == "internal_error"
        assert b"secret detail" not in answer.body

    async def test_is_a_status_for_who_waits_for_the_whole(
        self, script: Script, call: Call
    ) -> None:
        script.error = EngineDiedError("The engine stopped.")
        answer = await call("v1/chat/completions", WHOLE)

        assert answer.status == 502
        assert answer.error["code"] == "engine_died"


@pytest.mark.parametrize("body", [WHOLE, STREAM], ids=["whole", "stream"])
async def test_an_error_before_the_first_token_is_a_status(
    script: Script, call: Call, body: Any
) -> None:
    script.tokens = ()
    script.error = LLMError("It broke.")
    answer = await call("v1/chat/completions", body)

    assert answer.status == 500
    assert answer.error["message"] == "It broke."


@pytest.mark.usefixtures("fast_keep_alive")
async def test_an_error_after_a_comment_is_an_event(
    script: Script, raw: Callable[[], RawClient]
) -> None:
    script.prefill.clear()
    script.tokens = ()
    script.error = LLMError("It broke.")
    client = raw()
    await client.connect()
    await client.send(STREAM)
    await client.until(b": keep-alive\n\n")
    script.prefill.set()

    assert b'"It broke."' in await client.until(b"0\r\n\r\n")
    await client.leave()


async def test_two_hundred_clients_that_leave_at_any_moment_lose_no_slot(
    script: Script, raw: Callable[[], RawClient], call: Call
) -> None:
    script.tokens = tuple(f" {n}" for n in range(50))

    async def visit(number: int) -> None:
        client = raw()
        await client.connect()
        await client.send(STREAM)
        await asyncio.sleep(number % 20 / 200)
        await client.leave()

    for start in range(0, 200, 20):
        await asyncio.gather(*(visit(n) for n in range(start, start + 20)))
    await script.until_running(0)
    assert (await call("v1/chat/completions", WHOLE)).status == 200
