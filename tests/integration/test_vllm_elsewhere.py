"""vLLM in another environment, from the outside: its own server, behind ours, over HTTP."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from guide_chat import QUESTIONS, chat, events, text_of
from live import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "models" / "guide"
NAME, ENGINE = "elsewhere", "vllm_server"
PATIENCE_S = 400

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """A server that is told of an environment with vLLM, which is the tests' own."""
    if find_spec("vllm") is None:
        assert "CI" not in os.environ
        pytest.skip("vLLM is not installed: make test-vllm")
    copytree(FOLDER, tmp_path / NAME)
    options = (f"--LLMExtension.models_dir={tmp_path}", "--LLMExtension.num_threads=1")
    with LiveServer(*options, env={"JUPYTER_LLM_VLLM_PYTHON": sys.executable}) as live:
        yield live


async def test_it_answers_streams_comes_back_from_a_crash_and_leaves(server: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    asked = {**chat(QUESTIONS[0], temperature=0), "model": NAME}
    async with httpx.AsyncClient(
        base_url=f"{server.url}/", headers=headers, timeout=PATIENCE_S
    ) as http:
        loaded = await http.post("load", json={"model": NAME, "backend": ENGINE})
        assert loaded.status_code == 200, loaded.text
        assert await standing(http) == (ENGINE, "ready")
        whole = (await http.post("v1/chat/completions", json=asked)).json()
        text = whole["choices"][0]["message"]["content"]
        assert len(text) > 20
        assert text_of(await events(http, asked)) == text
        first = processes_of(server)
        await crash(http, first[0])
        # it comes back for whoever asks, with the engine that it had
        again = await eventually_answered(http, asked)
        assert again["choices"][0]["message"]["content"] == text
        assert await standing(http) == (ENGINE, "ready")
        assert not psutil.wait_procs(first, timeout=60)[1]
        second = processes_of(server)
        assert (await http.post("unload", json={"model": NAME})).status_code == 200
        assert not psutil.wait_procs(second, timeout=60)[1]
        assert (await standing(http))[1] == "unloaded"


async def crash(http: httpx.AsyncClient, process: psutil.Process) -> None:
    """End vLLM's server in the middle of an answer, which ends with an error then."""
    body = {**chat("Tell me everything", max_tokens=1900), "model": NAME, "ignore_eos": True}
    began = asyncio.Event()
    stream = asyncio.create_task(events(http, body, began))
    await began.wait()
    process.kill()
    assert (await stream)[-1]["error"]["code"] == "engine_died"


async def standing(http: httpx.AsyncClient) -> tuple[str, str]:
    """The engine and the state of the model."""
    listed = (await http.get("models")).json()["data"]
    (entry,) = (one for one in listed if one["model"]["id"] == NAME)
    return entry["model"]["engine"], entry["state"]


async def eventually_answered(http: httpx.AsyncClient, body: dict[str, Any]) -> Any:
    """The answer, once a restart that is under way is over."""
    async with asyncio.timeout(PATIENCE_S):
        while (reply := await http.post("v1/chat/completions", json=body)).status_code != 200:
            await asyncio.sleep(0.2)
    return reply.json()


def processes_of(server: LiveServer) -> list[psutil.Process]:
    """vLLM's server, and all that it has started."""
    (one,) = (
        each
        for each in psutil.Process(server.pid).children(recursive=True)
        if "--uds" in " ".join(each.cmdline())
    )
    return [one, *one.children(recursive=True)]
