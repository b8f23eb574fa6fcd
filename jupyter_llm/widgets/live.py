"""A widget that shows how things stand at the server, as they change."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from ipywidgets import Button, VBox

from jupyter_llm.client import Client
from jupyter_llm.client.events import CONNECTION, Link
from jupyter_llm.errors import LLMError

from .notice import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jupyter_llm.client.events import Connection, Event, Listener

UPDATE_INTERVAL_S = 0.05
"""Between two updates: what a browser can show without falling behind."""


class LiveWidget(VBox):
    """Children that follow the server's events in a thread, and a line for what goes wrong.

    The thread ends when the widget is closed, and rests while no page shows the widget any
    more. It alone writes to the children that people do not write to, so the kernel's own
    thread and it do not meet; where they could, as in a menu, that child has a lock.

    Where live events cannot be had, the widget says why and has a button that asks again.

    Args:
        client: The server to talk to; by default the one that started this kernel.
    """

    kinds: ClassVar[tuple[str, ...]] = ("model",)

    def __init__(self, client: Client | None = None, **layout: Any) -> None:
        self.client = client or Client()
        self._listener: Listener | None = None
        self._is_closed = False
        self._notice = Notice()
        self._failure = ""
        self._link_reason = ""
        self._again = Button(
            description="Refresh",
            tooltip="Ask the server how things stand, and for live events",
        )
        self._again.on_click(lambda _: self._begin())
        self._again.layout.display = "none"
        super().__init__(**layout)

    def _assemble(self, *children: Any) -> None:
        """Take these children, show how things stand, and follow what happens."""
        self.children = (*children, self._notice, self._again)
        self._guard(self.refresh)
        self._begin()
        self.observe(self._on_view_count, "_view_count")
        self._view_count = 0  # from now on pages count how often they show this

    def refresh(self) -> None:
        """Ask the server how things stand."""
        raise NotImplementedError

    def _on_events(self, events: Sequence[Event]) -> None:
        """Take what has happened, at most every `UPDATE_INTERVAL_S`."""
        raise NotImplementedError

    def _text(self) -> str:
        """What a terminal shows."""
        raise NotImplementedError

    def close(self) -> None:
        """End what goes on, and take the widget off every page; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._end()
        self._rest()
        for child in self.children:
            child.close()
        super().close()
        self.client.close()

    def _end(self) -> None:
        """End what only this kind of widget has going on."""

    def __repr__(self) -> str:
        said = self._notice.text
        return f"{self._text()}\n{said}" if said else self._text()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_()
        return {**bundle, "text/plain": repr(self)}

    def _begin(self) -> None:
        self._rest()
        listener = self.client.events(*self.kinds)
        self._listener = listener
        threading.Thread(
            target=self._follow, args=[listener], name=f"llm-{type(self).__name__}", daemon=True
        ).start()

    def _rest(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _follow(self, listener: Listener) -> None:
        for events in listener:
            self._guard(self._take, events)
            time.sleep(UPDATE_INTERVAL_S)

    def _take(self, events: Sequence[Event]) -> None:
        connections = [event.data for event in events if event.kind == CONNECTION]
        for connection in connections[-1:]:
            self._show_link(connection)
        if any(c.link is Link.OPEN for c in connections) or any(e.num_missed for e in events):
            self.refresh()
        self._on_events([event for event in events if event.kind != CONNECTION])

    def _show_link(self, connection: Connection) -> None:
        self._link_reason = connection.reason
        is_refused = connection.link is Link.REFUSED
        self._again.layout.display = "" if is_refused else "none"
        if is_refused:
            self.refresh()
        self._show_notice()

    def _on_view_count(self, change: dict[str, Any]) -> None:
        if change["new"] == 0 and (change["old"] or 0) > 0:
            self._rest()
        elif change["new"] and self._listener is None:
            self._begin()

    def _change(self, act: Callable[..., Any], *arguments: Any) -> None:
        """Change something at the server, in a thread; events show it, or else a question does."""

        def change() -> None:
            act(*arguments)
            if self._link_reason:
                self.refresh()

        self._fail("")
        self._start(change)

    def _start(self, act: Callable[..., Any], *arguments: Any) -> threading.Thread:
        """Do something that takes long, in a thread; what goes wrong is shown."""
        thread = threading.Thread(
            target=self._guard, args=[act, *arguments], name="llm-action", daemon=True
        )
        thread.start()
        return thread

    def _guard(self, act: Callable[..., Any], *arguments: Any) -> None:
        """Do something, and show what goes wrong instead of losing it."""
        try:
            act(*arguments)
        except LLMError as exc:
            self._fail(exc.message)
        except Exception as exc:  # noqa: BLE001  # nobody else would see it
            self._fail(f"{type(exc).__name__}: {exc}")

    def _fail(self, message: str) -> None:
        """Show that something failed, or with an empty message that nothing has."""
        self._failure = message
        self._show_notice()

    def _show_notice(self) -> None:
        if self._failure:
            self._notice.say(self._failure)
        else:
            self._notice.say(self._link_reason, role="status")
