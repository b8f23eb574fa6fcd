from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.handlers import activity

if TYPE_CHECKING:
    from conftest import Call
    from jupyter_server.serverapp import ServerApp
    from scripted import Script

    from jupyter_llm.app import LLMExtension

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}


def last_activity(server: ServerApp) -> Any:
    return server.web_app.last_activity()


@pytest.mark.parametrize(
    "path", ["health", "health/live", "models", "v1/models", "metrics", "vram", "backends"]
)
async def test_watching_does_not_keep_a_server_from_being_culled(
    call: Call, llm_server: ServerApp, path: str
) -> None:
    before = last_activity(llm_server)
    await call(path)

    assert last_activity(llm_server) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [("v1/chat/completions", CHAT), ("v1/completions", {"model": "echo", "prompt": "x"}),
     ("load", {"model": "echo"})],
)  # fmt: skip
async def test_work_does(call: Call, llm_server: ServerApp, path: str, body: Any) -> None:
    before = last_activity(llm_server)
    await call(path, body)

    assert last_activity(llm_server) > before


async def test_a_long_answer_counts_all_the_time(
    script: Script, call: Call, llm_server: ServerApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PERIOD_S", 0.02)
    script.decode.clear()
    request = asyncio.ensure_future(call("v1/chat/completions", CHAT))
    await script.until_running(1)
    before = last_activity(llm_server)
    await asyncio.sleep(0.1)

    assert last_activity(llm_server) > before
    script.decode.set()
    await request
    after = last_activity(llm_server)
    await asyncio.sleep(0.1)
    assert last_activity(llm_server) == after


async def test_the_extension_names_the_models_that_work(
    script: Script, call: Call, extension: LLMExtension
) -> None:
    assert not extension.current_activity()
    script.decode.clear()
    request = asyncio.ensure_future(call("v1/chat/completions", CHAT))
    await script.until_running(1)

    assert extension.current_activity() == ["echo"]
    script.decode.set()
    await request
    assert not extension.current_activity()
