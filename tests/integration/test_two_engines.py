"""Models of different engines at one server: listed, chosen, switched between."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from guide_chat import QUESTIONS, chat, client, events, text_of
from live import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

FOLDER = Path(__file__).parents[1] / "models" / "guide"
NAME = "by-mlx"
NUM_SWITCHES = 4
ANSWERS_BETWEEN = 4
OVER = (-1, "")


@pytest.fixture(params=["thread", "process"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """A server with the guide in both forms, for llama.cpp and for MLX."""
    if find_spec("mlx_lm") is None:
        assert "CI" not in os.environ
        pytest.skip("MLX is not installed: pip install 'jupyter-llm[mlx]'")
    folder = tmp_path / "models" / NAME
    folder.mkdir(parents=True)
    for file in FOLDER.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with LiveServer(
        f"--LLMExtension.models_dir={tmp_path / 'models'}",
        f"--LLMExtension.isolation={request.param}",
    ) as live:
        yield live


async def test_switches_between_engines_cut_no_answer_short(server: LiveServer) -> None:
    async with client(server) as http:
        await check_listing(http)
        reply = await http.post("load", json={"model": NAME, "backend": "mlx"})
        assert reply.status_code == 200, reply.text
        assert (await listed(http))["state"] == "ready"
        assert (await listed(http))["memory"]["weights_bytes"] > 5_000_000
        expected = [await ask(http, question) for question in QUESTIONS]
        assert await ask(http, QUESTIONS[0], NAME) == expected[0]
        answers: list[tuple[int, str]] = []
        crowd = [asyncio.create_task(keep_asking(http, n, answers)) for n in range(len(QUESTIONS))]
        for number in range(NUM_SWITCHES):
            name = (NAME, "guide")[number % 2]
            reply = await http.post("switch", json={"model": name})
            assert (reply.status_code, reply.json()["id"]) == (200, name)
            await until_longer_than(answers, ANSWERS_BETWEEN * (number + 1))
        answers.append(OVER)
        await asyncio.gather(*crowd)
    answers.remove(OVER)
    assert [answer for answer in answers if answer[1] != expected[answer[0]]] == []


async def check_listing(http: httpx.AsyncClient) -> None:
    """The folder stands among the models, and MLX among the engines."""
    entry = await listed(http)
    assert (entry["state"], entry["unavailable"], entry["fit"]) == ("unloaded", "", "fits")
    assert (entry["model"]["engine"], entry["model"]["format"]) == ("mlx", "safetensors")
    backends = (await http.get("backends")).json()["data"]
    (mlx,) = (one for one in backends if one["name"] == "mlx")
    assert mlx["installed"]
    assert mlx["device"] == ("metal" if sys.platform == "darwin" else "cpu")


async def listed(http: httpx.AsyncClient) -> dict[str, Any]:
    """What the listing says of the folder."""
    models = (await http.get("models")).json()["data"]
    return next(one for one in models if one["model"]["id"] == NAME)


async def ask(http: httpx.AsyncClient, question: str, model: str = "") -> str:
    body = chat(question, temperature=0)
    if model:
        body["model"] = model
    else:
        body.pop("model")
    return text_of(await events(http, body))


async def keep_asking(http: httpx.AsyncClient, number: int, answers: list[tuple[int, str]]) -> None:
    while OVER not in answers:
        answers.append((number, await ask(http, QUESTIONS[number])))


async def until_longer_than(answers: list[tuple[int, str]], length: int) -> None:
    async with asyncio.timeout(60):
        while len(answers) < length:
            await asyncio.sleep(0.01)
