"""A folder of safetensors served by vLLM, from the outside: over HTTP, by a server of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
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
NAME = "by-vllm"
PATIENCE_S = 180
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 20}, "sure": {"type": "boolean"}},
    "required": ["answer", "sure"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "run_cell",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string", "maxLength": 12}},
            "required": ["code"],
            "additionalProperties": False,
        },
    },
}

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with the guide in both forms, where vLLM has loaded the folder."""
    if find_spec("vllm") is None:
        assert "CI" not in os.environ
        pytest.skip("vLLM is not installed: make test-vllm")
    models = tmp_path_factory.mktemp("models")
    copytree(FOLDER, models / NAME)
    with LiveServer(f"--LLMExtension.models_dir={models}", "--LLMExtension.num_threads=1") as live:
        reply = live.json("load", {"model": NAME}, timeout=PATIENCE_S)
        assert reply.get("error") is None, (reply, live.log)
        yield live


def client(server: LiveServer) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {server.token}"}
    return httpx.AsyncClient(base_url=f"{server.url}/", headers=headers, timeout=PATIENCE_S)


async def test_an_answer_comes_whole_in_pieces_in_a_form_and_as_a_call(server: LiveServer) -> None:
    asked = {**chat(QUESTIONS[0], temperature=0), "model": NAME}
    async with client(server) as http:
        entry = next(
            one for one in (await http.get("models")).json()["data"] if one["model"]["id"] == NAME
        )
        assert (entry["model"]["engine"], entry["state"]) == ("vllm", "ready")
        whole = (await http.post("v1/chat/completions", json=asked)).json()
        text = whole["choices"][0]["message"]["content"]
        assert len(text) > 20
        assert text_of(await events(http, asked)) == text
        formed = await message(http, {**asked, "max_tokens": 80, "response_format": json_schema()})
        assert json.loads(formed["content"]).keys() == {"answer", "sure"}
        forced = {"tools": [TOOL], "tool_choice": "required", "max_tokens": 80}
        (call,) = (await message(http, {**asked, **forced}))["tool_calls"]
        assert call["function"]["name"] == "run_cell"
        assert json.loads(call["function"]["arguments"]).keys() == {"code"}
        refused = await http.post(
            "v1/chat/completions", json={**asked, "structured_outputs": {"regex": "("}}
        )
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "structured_outputs"


async def test_switches_to_llama_cpp_and_back_cut_no_answer_short(server: LiveServer) -> None:
    answers: list[tuple[int, str]] = []
    is_over = asyncio.Event()

    async def keep_asking(http: httpx.AsyncClient, number: int) -> None:
        while not is_over.is_set():
            body = chat(QUESTIONS[number], temperature=0)
            body.pop("model")
            answers.append((number, text_of(await events(http, body))))

    async with client(server) as http:
        expected = {}
        for name in ("guide", NAME):
            assert (await http.post("switch", json={"model": name})).status_code == 200
            for number, question in enumerate(QUESTIONS):
                body = {**chat(question, temperature=0), "model": name}
                expected.setdefault(number, set()).add(text_of(await events(http, body)))
        crowd = [asyncio.create_task(keep_asking(http, n)) for n in range(len(QUESTIONS))]
        for name in ("guide", NAME):
            assert (await http.post("switch", json={"model": name})).json()["id"] == name
            seen = len(answers)
            async with asyncio.timeout(PATIENCE_S):
                while len(answers) < seen + len(QUESTIONS):
                    await asyncio.sleep(0.05)
        is_over.set()
        await asyncio.gather(*crowd)
    assert [(n, text) for n, text in answers if text not in expected[n]] == []


async def test_a_crash_of_vllm_ends_its_answers_and_it_comes_back(server: LiveServer) -> None:
    async with client(server) as http:
        assert (await http.post("load", json={"model": NAME})).status_code == 200
        (core,) = (
            child
            for child in psutil.Process(server.pid).children(recursive=True)
            if child.name().startswith("VLLM::EngineCor")
        )
        body = {**chat("Tell me everything", max_tokens=1500), "model": NAME, "ignore_eos": True}
        began = asyncio.Event()
        stream = asyncio.create_task(events(http, body, began))
        await began.wait()
        os.kill(core.pid, signal.SIGKILL)
        last = (await stream)[-1]
        assert last["error"]["code"] == "engine_died"
        async with asyncio.timeout(PATIENCE_S):
            while (await answer_status(http)) != 200:
                await asyncio.sleep(0.2)
        assert not core.is_running()


async def answer_status(http: httpx.AsyncClient) -> int:
    body = {**chat(QUESTIONS[0], max_tokens=2), "model": NAME}
    return (await http.post("v1/chat/completions", json=body)).status_code


async def message(http: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    reply = await http.post("v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["choices"][0]["message"]
    return found


def json_schema() -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}
