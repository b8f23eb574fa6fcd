"""A server that runs: it is asked for its own view, and a model of it for a few tokens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from jupyter_llm.doctor.checkup import NUM_TOKENS, QUESTION, Checkup, Trial
from jupyter_llm.engines.select import EngineInfo
from jupyter_llm.errors import LLMError
from jupyter_llm.types import Device, ModelState

if TYPE_CHECKING:
    from jupyter_llm.client import Client
    from jupyter_llm.types import Model

_SMALLEST = "guide"


def examine(client: Client) -> Checkup:
    """Ask the server of `client`.

    Raises:
        ServerNotFoundError: There is none, or it does not let this caller in.
    """
    status = client.status()
    return Checkup(
        place=f"The server at {client.server.url} (found by {client.server.found_by}).",
        versions=[f"jupyter-llm {status['version']}"],
        engines=msgspec.convert(status["engines"], list[EngineInfo]),
        devices=msgspec.convert(status["devices"], list[Device]),
        hints=[*status["hints"], *status["device_hints"]],
        trials=[_try(client)],
    )


def _try(client: Client) -> Trial:
    """A model that is in memory already, or else the built-in one."""
    ready = [one.model for one in client.loaded() if one.state is ModelState.READY]
    writers = [model for model in ready if "text" in model.modalities]
    try:
        return _ask(client, writers[0] if writers else client.model(_SMALLEST).model)
    except LLMError as error:
        return Trial(model=writers[0].id if writers else _SMALLEST, error=error.message)


def _ask(client: Client, model: Model) -> Trial:
    began_at = time.perf_counter()
    chat = client.chat(
        [{"role": "user", "content": QUESTION}],
        model=model.id,
        max_tokens=NUM_TOKENS,
        temperature=0,
    )
    times, usage = [], None
    for delta in chat:
        times.append(time.perf_counter() - began_at)
        usage = delta.usage
    return Trial.of(model, times, usage)
