"""Load a model from a cell and show how far it is."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from jupyter_llm.client.tables import size
from jupyter_llm.errors import LLMError

from .display import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.client import Client
    from jupyter_llm.types import ModelStatus

    from .display import Output

POLL_INTERVAL_S = 0.3


def load(
    client: Client,
    begin: Callable[..., ModelStatus],
    name: str,
    options: dict[str, Any],
    output: Output,
) -> ModelStatus:
    """Load `name` with `client.load` or `client.switch`; `output` shows how far it is.

    An interrupt ends the wait, not the load: others may wait for the model too.
    """
    waiting = f"Loading {name} …"
    ended = View(markdown=waiting, text=waiting)
    output.show(lambda: ended)
    try:
        pending = _start(begin, name, options)
        while not wait([pending], timeout=POLL_INTERVAL_S).done:
            output.show(lambda: _progress(client, name, waiting))
        status = pending.result()
    except KeyboardInterrupt:
        ended = _line(waiting, f"The load goes on; `%llm unload {name}` stops it.")
        raise
    except LLMError:
        ended = _line(waiting, "The load failed.")
        raise
    else:
        ended = _line(waiting, _result(status))
        return status
    finally:
        output.finish(ended)


def _start(
    begin: Callable[..., ModelStatus], name: str, options: dict[str, Any]
) -> Future[ModelStatus]:
    """Ask for the load in a thread, so that this one can watch and be interrupted."""
    pending: Future[ModelStatus] = Future()

    def run() -> None:
        try:
            pending.set_result(begin(name, **options))
        except BaseException as exc:  # noqa: BLE001  # it is raised where it is waited for
            pending.set_exception(exc)

    threading.Thread(target=run, name=f"load {name}", daemon=True).start()
    return pending


def _progress(client: Client, name: str, waiting: str) -> View:
    done = [s.progress for s in client.loaded() if name in {s.model.id, s.model.path}]
    share = f" {done[0]:.0%}" if done and done[0] else ""
    return View(markdown=f"{waiting}{share}", text=waiting)


def _line(waiting: str, text: str) -> View:
    return View(markdown=text, text=f"{waiting}\n{text}")


def _result(status: ModelStatus) -> str:
    stats, memory = status.stats, status.memory.total_bytes
    parts = [f"{status.model.id} is {status.state}"]
    if stats.context_length:
        parts.append(f"context of {stats.context_length} tokens, {stats.slots} slots")
    if memory:
        parts.append(f"{size(memory)} of memory")
    return " · ".join(parts)
