"""Fifty switches between two models while eight clients keep asking."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest
from guide_chat import QUESTIONS, chat, client, events, text_of
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

NUM_SWITCHES = 50
ANSWERS_BETWEEN = 4
OVER = (-1, "")


@pytest.fixture
def two_models(tmp_path: Path) -> Iterator[LiveServer]:
    """A server with two models and room for both or for one of them."""
    shutil.copy(GUIDE_PATH, tmp_path / "twin.gguf")
    with LiveServer(f"--LLMExtension.models_dir={tmp_path}") as server:
        yield server


@pytest.mark.slow
async def test_switches_cut_no_answer_short(two_models: LiveServer) -> None:
    async with client(two_models) as http:
        expected = [await _ask(http, question) for question in QUESTIONS]
        answers: list[tuple[int, str]] = []
        crowd = [asyncio.create_task(_keep_asking(http, n, answers)) for n in range(len(QUESTIONS))]
        for number in range(NUM_SWITCHES):
            name = ("twin", "guide")[number % 2]
            reply = await http.post("switch", json={"model": name})
            assert (reply.status_code, reply.json()["id"]) == (200, name)
            await _until_longer_than(answers, ANSWERS_BETWEEN * (number + 1))
        answers.append(OVER)
        await asyncio.gather(*crowd)
    answers.remove(OVER)
    assert [answer for answer in answers if answer[1] != expected[answer[0]]] == []


async def _keep_asking(
    http: httpx.AsyncClient, number: int, answers: list[tuple[int, str]]
) -> None:
    while OVER not in answers:
        answers.append((number, await _ask(http, QUESTIONS[number])))


async def _until_longer_than(answers: list[tuple[int, str]], length: int) -> None:
    async with asyncio.timeout(30):
        while len(answers) < length:
            await asyncio.sleep(0.005)


async def _ask(http: httpx.AsyncClient, question: str) -> str:
    """The whole answer of whichever model is active, and how it ended."""
    body = {**chat(question, temperature=0), "model": None}
    found = await events(http, body)
    (reason,) = [c["finish_reason"] for e in found for c in e["choices"] if c["finish_reason"]]
    return f"{text_of(found)} [{reason}]"
