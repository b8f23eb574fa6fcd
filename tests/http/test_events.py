from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_llm.registry.keys import Grant, KeyStore
from jupyter_llm.telemetry.events import MAX_PENDING
from jupyter_llm.telemetry.jupyter_events import MODEL_STATE
from jupyter_llm.telemetry.pulse import Pulse
from jupyter_llm.types import (
    Model,
    ModelState,
    ModelStatus,
    ModelUsage,
    QueuePosition,
    RemovedModel,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from conftest import Call
    from jupyter_server.serverapp import ServerApp
    from tornado.websocket import WebSocketClientConnection

    from jupyter_llm.app import LLMExtension

    Connect = Callable[..., Awaitable["Socket"]]

GHOST = Model(id="ghost", format="gguf", engine="echo")


class Socket:
    """A connection whose messages are read as JSON."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            message = await self.connection.read_message()
        assert message is not None, "closed"
        return json.loads(message)

    async def read_until(self, kind: str) -> list[dict[str, Any]]:
        """Everything up to the first message of this type."""
        messages = [await self.read()]
        while messages[-1]["type"] != kind:
            messages.append(await self.read())
        return messages

    async def send(self, message: Any) -> None:
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.connection.write_message(raw, binary=isinstance(raw, bytes))

    async def ended(self) -> int | None:
        """Read to the end of the connection; returns why the server closed it."""
        async with asyncio.timeout(10):
            while self.connection.close_code is None:
                await self.connection.read_message()
        return self.connection.close_code

    async def close(self) -> None:
        """Say goodbye, and wait until the other side has."""
        self.connection.close(1000)
        await self.ended()


@pytest.fixture
def connect(
    llm_server: ServerApp,
    http_server: Any,
    http_server_port: tuple[Any, int],
    jp_auth_header: dict[str, str],
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[Connect]:
    """Open `/ws` with the server's token, unless `auth` says otherwise."""
    sockets: list[Socket] = []

    async def open_socket(
        *, auth: dict[str, str] | None = None, query: str = "", origin: str | None = None
    ) -> Socket:
        headers = {**(jp_auth_header if auth is None else auth)}
        url = f"ws://127.0.0.1:{http_server_port[1]}{llm_server.base_url}llm/ws{query}"
        if origin is not None:
            headers["Origin"] = origin
        sockets.append(Socket(await websocket_connect(HTTPRequest(url, headers=headers))))
        return sockets[-1]

    yield open_socket
    for socket in sockets:
        jp_asyncio_loop.run_until_complete(socket.close())


@pytest.fixture(autouse=True)
def no_pulse(extension: LLMExtension) -> None:
    """Tests say what comes next, and hear of nothing else."""
    extension.pulse.stop()


class TestFigures:
    async def test_work_and_memory_are_told_while_somebody_listens(
        self, call: Call, connect: Connect, extension: LLMExtension
    ) -> None:
        pulse = Pulse(extension.events, extension._tell_figures, interval_s=0.05)
        pulse.start()
        await call("load", {"model": "echo", "keep_alive": 100})
        socket = await connect()
        await socket.send({"subscribe": ["model"]})
        await call("v1/completions", {"model": "echo", "prompt": "Hello there"})
        told = await socket.read()
        while not told.get("data", {}).get("stats", {}).get("num_steps"):
            told = await socket.read()
        assert told["data"]["keep_alive_s"] == 100
        assert 90 < told["data"]["expires_at"] - told["at"] <= 100

        await socket.send({"subscribe": ["vram"]})
        await socket.read_until("vram")
        assert (await socket.read())["data"]["models"][0]["id"] == "echo"
        pulse.stop()

    async def test_a_key_of_some_models_hears_of_the_memory_of_no_others(
        self, extension: LLMExtension, call: Call, connect: Connect, jp_data_dir: Path
    ) -> None:
        store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
        _, secret = store.create("app", Grant(models=("ghost",)))
        await call("load", {"model": "echo"})
        socket = await connect(auth={"Authorization": f"Bearer {secret}"})
        await socket.send({"subscribe": ["vram"]})
        await socket.read_until("subscribed")
        await extension._tell_figures()

        assert (await socket.read_until("vram"))[-1]["data"]["models"] == []


class TestEvents:
    async def test_what_is_counted_is_told_once_it_is_written(
        self, call: Call, connect: Connect, extension: LLMExtension
    ) -> None:
        socket = await connect()
        await socket.read()
        await socket.send({"subscribe": ["usage"]})
        await socket.read_until("subscribed")
        answer = await call("v1/completions", {"model": "echo", "prompt": "Hello there"})
        await extension.recorder._write()

        told = (await socket.read())["data"]
        assert (told["model_id"], told["num_requests"]) == ("echo", 1)
        assert told["num_completion_tokens"] == answer.json["usage"]["completion_tokens"]

    async def test_who_waits_is_told_where_they_stand_and_nobody_else(
        self, extension: LLMExtension, connect: Connect
    ) -> None:
        kernel = await connect(auth={"Authorization": f"Bearer {extension.kernel_key}"})
        anybody = await connect()
        for socket in (kernel, anybody):
            await socket.read_until("subscribed")
        position = QueuePosition(request_id="chat-1", model_id="echo", position=3, stream_id="mine")
        extension._on_position("llm-kernels", position)
        extension.events.publish("usage", {"n": 1})

        assert (await anybody.read())["type"] == "usage"
        told = await kernel.read()
        assert told["type"] == "queue"
        assert told["data"] == {
            "request_id": "chat-1",
            "model_id": "echo",
            "position": 3,
            "stream_id": "mine",
        }

    async def test_a_key_of_some_models_hears_of_no_others(
        self, extension: LLMExtension, connect: Connect, jp_data_dir: Path
    ) -> None:
        store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
        _, secret = store.create("app", Grant(models=("echo",)))
        socket = await connect(auth={"Authorization": f"Bearer {secret}"})
        await socket.read_until("subscribed")
        usage = ModelUsage(model_id="ghost", day="2026-01-01", num_requests=1)
        extension.events.publish("removed", RemovedModel(model_id="ghost", freed_bytes=1))
        extension.events.publish("model", ModelStatus(model=GHOST, state=ModelState.LOADING))
        extension.events.publish("usage", usage)
        extension.events.publish("usage", replace(usage, model_id="echo"))

        assert (await socket.read())["data"]["model_id"] == "echo"

    async def test_a_load_is_told_as_it_happens(self, call: Call, connect: Connect) -> None:
        socket = await connect()
        hello = await socket.read()
        assert hello == {
            "type": "subscribed",
            "kinds": ["download", "model", "queue", "removed", "service", "usage", "vram"],
        }

        assert (await call("load", {"model": "echo"})).status == 200

        states = []
        while "ready" not in states:
            message = await socket.read()
            assert message["type"] == "model"
            assert message["at"] > 0
            assert message["data"]["model"]["id"] == "echo"
            states.append(message["data"]["state"])
        assert states[0] == "queued"
        assert "loading" in states

    async def test_a_client_that_comes_late_learns_what_is_in_memory(
        self, call: Call, connect: Connect
    ) -> None:
        await call("load", {"model": "echo"})
        socket = await connect()

        _, status = [await socket.read(), await socket.read()]

        assert (status["data"]["model"]["id"], status["data"]["state"]) == ("echo", "ready")

    async def test_a_client_learns_what_memory_is_left_when_a_model_has_settled(
        self, call: Call, connect: Connect
    ) -> None:
        socket = await connect()
        await call("load", {"model": "echo"})

        *_, event = await socket.read_until("vram")

        assert [device["id"] for device in event["data"]["data"]].count("cpu") == 1
        assert [model["id"] for model in event["data"]["models"]] == ["echo"]

    async def test_a_client_gets_only_what_it_subscribes_to(
        self, extension: LLMExtension, connect: Connect
    ) -> None:
        socket = await connect()
        await socket.read_until("subscribed")
        await socket.send({"subscribe": ["vram"]})
        assert await socket.read() == {"type": "subscribed", "kinds": ["vram"]}

        extension.events.publish("usage", {"n": 1})
        extension.events.publish("vram", {"n": 2})

        assert (await socket.read())["data"] == {"n": 2}

    @pytest.mark.parametrize(
        ("message", "param"),
        [
            ({"subscribe": ["weather"]}, "subscribe"),
            ({"subscribe": "model"}, "subscribe"),
            ({"unsubscribe": []}, "unsubscribe"),
            ("model", None),
            (b"\xff", None),
            ("[" * 5000, None),
        ],
    )
    async def test_a_message_that_is_not_understood_is_answered_and_changes_nothing(
        self, extension: LLMExtension, connect: Connect, message: Any, param: str | None
    ) -> None:
        socket = await connect()
        await socket.read_until("subscribed")

        await socket.send(message)
        answer = await socket.read()
        assert answer["type"] == "error"
        assert answer["error"]["param"] == param
        assert answer["error"]["type"] == "invalid_request_error"

        extension.events.publish("usage", {"n": 1})
        assert (await socket.read())["data"] == {"n": 1}

    async def test_a_message_that_is_too_large_ends_the_connection(self, connect: Connect) -> None:
        socket = await connect()
        await socket.read_until("subscribed")
        await socket.send("x" * 100_000)

        assert await socket.ended() == 1009

    async def test_a_client_that_leaves_is_forgotten(
        self, extension: LLMExtension, connect: Connect
    ) -> None:
        socket = await connect()
        await socket.read_until("subscribed")
        assert extension.events.num_subscribers == 1

        socket.connection.close(1000)

        async with asyncio.timeout(10):
            while extension.events.num_subscribers:
                await asyncio.sleep(0.01)

    async def test_a_slow_client_misses_events_and_holds_no_memory(
        self, extension: LLMExtension, http_server_port: tuple[Any, int], connect: Connect
    ) -> None:
        socket = await connect()
        await socket.read_until("subscribed")
        large = "x" * 100_000
        num_events = 40 * MAX_PENDING
        for number in range(num_events):
            extension.events.publish("usage", {"n": number, "text": large})
            if number % 8 == 0:
                await asyncio.sleep(0)

        got = [await socket.read()]
        while got[-1]["data"]["n"] < num_events - 1:
            got.append(await socket.read())

        missed = sum(message.get("missed", 0) for message in got)
        assert missed > 0
        assert missed + len(got) == num_events

    async def test_a_server_that_stops_says_goodbye(
        self, extension: LLMExtension, connect: Connect
    ) -> None:
        socket = await connect()
        await socket.read_until("subscribed")

        await extension.stop_extension()

        assert await socket.ended() == 1001


class TestWhoMayListen:
    @pytest.mark.parametrize("auth", [{}, {"Authorization": "Bearer wrong"}])
    async def test_strangers_are_refused(self, connect: Connect, auth: dict[str, str]) -> None:
        with pytest.raises(HTTPClientError) as refused:
            await connect(auth=auth)
        assert refused.value.code == 401

    async def test_the_token_may_stand_in_the_address_as_browsers_need_it(
        self, llm_server: ServerApp, connect: Connect
    ) -> None:
        socket = await connect(auth={}, query=f"?token={llm_server.identity_provider.token}")

        assert (await socket.read())["type"] == "subscribed"

    async def test_a_kernels_key_is_enough(self, extension: LLMExtension, connect: Connect) -> None:
        socket = await connect(auth={"Authorization": f"Bearer {extension.kernel_key}"})

        assert (await socket.read())["type"] == "subscribed"

    async def test_a_browsers_session_is_enough_unless_the_page_is_anothers(
        self, connect: Connect, session: dict[str, str]
    ) -> None:
        assert (await (await connect(auth=session)).read())["type"] == "subscribed"
        with pytest.raises(HTTPClientError) as refused:
            await connect(auth=session, origin="https://elsewhere.example")
        assert refused.value.code == 403

    async def test_a_plain_request_is_told_what_this_is(self, call: Call) -> None:
        answer = await call("ws")

        assert answer.status == 426
        assert "WebSocket" in answer.error["message"]


class NoReading(Authorizer):
    def is_authorized(self, _handler: Any, _user: Any, action: str, resource: str) -> bool:
        return resource != "llm" or action != "read"


class TestWithADenyingAuthorizer:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["authorizer_class"] = NoReading
        return jp_server_config

    async def test_nobody_listens_who_may_not_read(self, connect: Connect) -> None:
        with pytest.raises(HTTPClientError) as refused:
            await connect()
        assert refused.value.code == 403


class TestJupyterEvents:
    async def test_every_change_of_state_is_an_event_of_the_server(
        self, llm_server: ServerApp, call: Call
    ) -> None:
        got: list[dict[str, Any]] = []

        async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
            got.append(data)

        llm_server.event_logger.add_listener(schema_id=MODEL_STATE, listener=listen)
        await call("load", {"model": "echo"})
        await call("unload", {"model": "echo"})
        await llm_server.event_logger.gather_listeners()

        states = [data["state"] for data in got]
        assert states == ["queued", "loading", "ready", "unloading", "unloaded"]
        assert {data["model"] for data in got} == {"echo"}

    async def test_progress_is_no_event_and_a_failure_has_its_reason(
        self, llm_server: ServerApp, extension: LLMExtension
    ) -> None:
        got: list[dict[str, Any]] = []

        async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
            got.append(data)

        llm_server.event_logger.add_listener(schema_id=MODEL_STATE, listener=listen)
        note = extension.state_events.note
        for progress in (0.1, 0.2, 0.3):
            note(ModelStatus(model=GHOST, state=ModelState.LOADING, progress=progress))
        note(ModelStatus(model=GHOST, state=ModelState.FAILED, error="It broke."))
        await llm_server.event_logger.gather_listeners()

        assert [(d["state"], d.get("error")) for d in got] == [
            ("loading", None),
            ("failed", "It broke."),
        ]
