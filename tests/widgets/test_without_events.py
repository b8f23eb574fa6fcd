"""Widgets where the server's events cannot be had, or no server."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from typing import TYPE_CHECKING

import pytest
from live_client import server_of
from live_kernel import eventually

from jupyter_llm.client import Client
from jupyter_llm.client.event_stream import EventStream
from jupyter_llm.client.server import server_at
from jupyter_llm.widgets import Chat, MemoryMonitor, ModelPicker

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import LiveServer

    from jupyter_llm.client.events import Listener


class WithoutEvents(Client):
    """As behind a proxy: what is asked is answered, but there is no WebSocket."""

    def events(self, *kinds: str) -> Listener:
        elsewhere = server_at(f"{self.server.url}health", token=self.server.token, found_by="")
        return EventStream(lambda: elsewhere).listen(kinds)


def test_a_picker_without_events_says_so_and_asks_when_it_is_told_to(
    live_server: LiveServer, client: Client
) -> None:
    client.unload("echo")
    server = server_of(live_server)
    picker = ModelPicker("echo", client=WithoutEvents(server))
    assert eventually(lambda: "no events to tell" in picker._notice.text)
    assert picker._again.layout.display == ""
    assert picker.state == "unloaded"
    client.load("echo")
    picker._again.click()
    assert eventually(lambda: picker.state == "ready")
    picker.unload()
    assert eventually(lambda: picker.state == "unloaded")
    assert "no events to tell" in repr(picker)
    picker.close()


@pytest.mark.parametrize("make", [ModelPicker, MemoryMonitor, Chat])
def test_without_a_server_a_widget_says_what_to_do(make: Callable[..., ModelPicker]) -> None:
    nowhere = Client(server_at("http://127.0.0.1:9/llm/", token="", found_by="test"))
    with redirect_stderr(io.StringIO()) as written:
        widget = make(client=nowhere)
        assert "Nothing answers at http://127.0.0.1:9/llm/" in repr(widget)
        assert "Nothing answers" in widget._repr_mimebundle_()["text/plain"]
        widget.close()
        widget.close()
    assert written.getvalue() == ""
