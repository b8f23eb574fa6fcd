"""A server extension that notes when the first words of each answer are sent.

The file that `NOTED_ANSWERS` names gets a line for each: seconds since the epoch.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from jupyter_llm.handlers.stream import EventStream

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

NOTING = "--ServerApp.jpserver_extensions={'jupyter_llm': True, 'noted_answers': True}"
_WORDS = re.compile(rb'"content":"[^"]')
_PATH = f"{Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}"


def noting(path: Path) -> dict[str, str]:
    """The environment of a server that notes into this file."""
    return {"PYTHONPATH": _PATH, "NOTED_ANSWERS": str(path)}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "noted_answers"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    del server
    path = Path(os.environ["NOTED_ANSWERS"])
    send = EventStream.send
    noted: WeakSet[EventStream] = WeakSet()

    async def send_and_note(self: EventStream, events: bytes) -> None:
        if self not in noted and _WORDS.search(events):
            noted.add(self)
            with path.open("a") as file:  # noqa: ASYNC230 - a line, in a test
                file.write(f"{time.time()}\n")
        await send(self, events)

    EventStream.send = send_and_note  # type: ignore[method-assign]  # for this server alone
