"""The server's events as a kernel follows them, from real servers and through bad proxies."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from live import LiveServer
from live_client import server_of

from jupyter_llm.client.event_stream import MAX_DELAY_S, EventStream, delay_s, stream_of
from jupyter_llm.client.events import (
    CONNECTION,
    MAX_PENDING,
    Event,
    Link,
    Listener,
    event_from_json,
)
from jupyter_llm.client.memory import MemoryReport
from jupyter_llm.client.server import server_at
from jupyter_llm.errors import ServerNotFoundError
from jupyter_llm.types import ModelStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_llm.client import Client, Server

TIMEOUT_S = 20.0


def wait_for(listener: Listener, fits: Callable[[Event], bool]) -> list[Event]:
    """Everything up to the first event that fits."""
    got: list[Event] = []
    deadline = time.monotonic() + TIMEOUT_S
    while not any(map(fits, got)):
        assert time.monotonic() < deadline, got
        got += listener.take(0.5)
    return got


def is_link(link: Link) -> Callable[[Event], bool]:
    return lambda event: event.kind == CONNECTION and event.data.link is link


def has_ended(name: str = "llm-events") -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while any(thread.name == name for thread in threading.enumerate()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_load_is_heard_of_and_the_last_listener_ends_the_thread(
    live_server: LiveServer, client: Client
) -> None:
    stream = stream_of(server_of(live_server))
    assert stream_of(server_of(live_server)) is stream
    if "echo" in {status.model.id for status in client.loaded()}:
        client.unload("echo")
    with stream.listen({"model"}) as listener, stream.listen({"model", "vram"}) as other:
        wait_for(listener, is_link(Link.OPEN))
        wait_for(other, is_link(Link.OPEN))
        client.load("echo")
        events = wait_for(listener, lambda event: getattr(event.data, "state", "") == "ready")
        assert all(isinstance(e.data, ModelStatus) for e in events if e.kind == "model")
        assert not [event for event in events if event.kind == "vram"]
        client.unload("echo")
        (report, *_) = [
            e for e in wait_for(other, lambda event: event.kind == "vram") if e.kind == "vram"
        ]
        assert isinstance(report.data, MemoryReport)
        assert report.data.devices[-1].id == "cpu"
        with stream.listen({"model"}) as late:
            assert is_link(Link.OPEN)(late.take(TIMEOUT_S)[0])
    assert listener.take() == []
    assert has_ended()


def test_a_connection_that_breaks_is_made_anew_wherever_the_server_is_then() -> None:
    with LiveServer() as second:
        with LiveServer() as first:
            places = [server_of(first)]
            stream = EventStream(lambda: places[0])
            listener = stream.listen({"model"})
            wait_for(listener, is_link(Link.OPEN))
            places[0] = server_of(second)
            first.stop()
        lost = [e.data for e in wait_for(listener, is_link(Link.OPEN)) if e.kind == CONNECTION]
        assert lost[0].link is Link.LOST
        assert "tried again" in lost[0].reason
        second.json("load", {"model": "echo"})
        wait_for(listener, lambda event: getattr(event.data, "state", "") == "ready")
        stream.close()
    assert has_ended()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 200
    num_asked = 0

    def do_GET(self) -> None:
        type(self).num_asked += 1
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[tuple[type[Answer], Server]]:
    """Something that answers every request with one status, never with a WebSocket."""
    handler = type("OneAnswer", (Answer,), {})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/llm/"
        yield handler, server_at(url, token="", found_by="test")
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (426, "does not pass WebSockets on"),
        (200, "does not pass WebSockets on"),
        (404, "does not run jupyter-llm"),
        (401, "restart this kernel"),
        (403, "restart this kernel"),
    ],
)
def test_where_no_stream_can_be_had_that_is_said_once(
    proxy: tuple[type[Answer], Server], status: int, said: str
) -> None:
    answer, server = proxy
    answer.status = status
    with EventStream(lambda: server).listen({"model"}) as listener:
        (event,) = listener.take(TIMEOUT_S)
        assert event.data.link is Link.REFUSED
        assert said in event.data.reason
        assert has_ended()
        assert answer.num_asked == 1


def test_a_gateway_without_a_server_behind_it_is_asked_again(
    proxy: tuple[type[Answer], Server],
) -> None:
    answer, server = proxy
    answer.status = 502
    with EventStream(lambda: server).listen({"model"}) as listener:
        while answer.num_asked < 2:
            assert listener.take(TIMEOUT_S)[0].data.link is Link.LOST
    assert has_ended()


def test_a_kernel_without_a_server_is_told_so() -> None:
    def find() -> Server:
        raise ServerNotFoundError("There is none.")

    with EventStream(find).listen({"model"}) as listener:
        (event,) = listener.take(TIMEOUT_S)
    assert (event.data.link, event.data.reason) == (Link.LOST, "There is none.")
    assert has_ended()


def test_a_listener_that_is_slow_loses_the_oldest_and_learns_how_many() -> None:
    listener = Listener({"usage"}, lambda _: None)
    for number in range(MAX_PENDING + 3):
        listener.put(Event(kind="usage", data=number, at=0.0, num_missed=1 if number == 9 else 0))
    events = listener.take()
    assert len(events) == MAX_PENDING
    assert (events[0].data, events[0].num_missed) == (3, 4)
    assert listener.take(0) == []


def test_pauses_grow_to_a_bound() -> None:
    assert 0.2 < delay_s(0) <= 0.5
    assert 15 <= delay_s(50) <= MAX_DELAY_S


def test_what_a_newer_server_tells_is_passed_over_or_left_as_it_is() -> None:
    status = {"model": {"id": "m", "format": "gguf", "engine": "echo"}, "state": "ready", "new": 1}
    assert event_from_json({"type": "model", "at": 1.0, "data": status}).data.model.id == "m"
    assert event_from_json({"type": "weather", "data": {"wind": 3}}).data == {"wind": 3}
    with pytest.raises(ValueError, match="state"):
        event_from_json({"type": "model", "data": {"model": status["model"]}})
