"""A page that is loaded anew in the middle of an answer, against a live server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from guide_chat import chat, client, until_ready
from live import LiveServer

BODY = chat(
    "What is the guide?",
    stream=True,
    resumable=True,
    seed=1,
    max_tokens=300,
    ignore_eos=True,
)

Event = tuple[int, str]


@pytest.fixture(scope="module")
def patient_server() -> Any:
    options = ("--LLMExtension.preload=True", "--LLMExtension.resume_grace_s=2")
    with LiveServer(*options) as server:
        yield server


async def test_a_page_loaded_anew_goes_on_with_its_answer(patient_server: LiveServer) -> None:
    async with client(patient_server) as http:
        await until_ready(http)
        before, answer_id = await _leave_after(http, 12)
        after = await _resumed(http, answer_id, {"params": {"after": before[-1][0]}})
        again = await _resumed(http, answer_id, {})
        by_header = {"headers": {"Last-Event-ID": str(again[-3][0])}}
        assert await _resumed(http, answer_id, by_header) == again[-2:]
        assert await _resumed(http, answer_id, {"params": {"after": again[-1][0]}}) == []
    assert [number for number, _ in again] == list(range(1, len(again) + 1))
    assert before + after == again
    assert again[-1][1] == "[DONE]"
    assert {json.loads(data)["id"] for _, data in again[:-1]} == {answer_id}
    assert json.loads(again[-2][1])["choices"][0]["finish_reason"] == "length"


async def test_an_answer_that_nobody_comes_back_for_stops(patient_server: LiveServer) -> None:
    async with client(patient_server) as http:
        await until_ready(http)
        held = [await _leave_after(http, 3, max_tokens=900) for _ in range(2)]
        assert await _running(http)
        async with asyncio.timeout(20):
            while await _running(http):
                await asyncio.sleep(0.1)
        for _, answer_id in held:
            async with asyncio.timeout(20):
                while (reply := await http.get(f"v1/streams/{answer_id}")).status_code == 200:
                    await asyncio.sleep(2.5)
            assert reply.json()["error"]["code"] == "stream_not_found"


async def test_an_answer_can_be_stopped_by_its_id(patient_server: LiveServer) -> None:
    async with client(patient_server) as http:
        await until_ready(http)
        _, answer_id = await _leave_after(http, 3, max_tokens=900)
        reply = await http.delete(f"v1/streams/{answer_id}")
        assert reply.json() == {"id": answer_id, "object": "stream", "deleted": True}
        assert (await http.get(f"v1/streams/{answer_id}")).status_code == 404
        async with asyncio.timeout(1.5):
            while await _running(http):
                await asyncio.sleep(0.05)


async def test_what_is_no_number_is_refused_by_name(patient_server: LiveServer) -> None:
    async with client(patient_server) as http:
        await until_ready(http)
        _, answer_id = await _leave_after(http, 3)
        for after in ("-1", "x", "1.5", "²", "9" * 40):
            reply = await http.get(f"v1/streams/{answer_id}", params={"after": after})
            assert reply.status_code == 400
            assert reply.json()["error"]["param"] == "after"


async def _leave_after(
    http: httpx.AsyncClient, num_events: int, **changes: Any
) -> tuple[list[Event], str]:
    """Ask, read that many events, and break the connection."""
    found: list[Event] = []
    async with http.stream("POST", "v1/chat/completions", json={**BODY, **changes}) as reply:
        answer_id = reply.headers["X-Request-Id"]
        async for event in _events(reply):
            found.append(event)
            if len(found) == num_events:
                break
    return found, answer_id


async def _resumed(http: httpx.AsyncClient, answer_id: str, how: dict[str, Any]) -> list[Event]:
    async with http.stream("GET", f"v1/streams/{answer_id}", **how) as reply:
        assert reply.status_code == 200, await reply.aread()
        return [event async for event in _events(reply)]


async def _events(reply: httpx.Response) -> Any:
    number = 0
    async for line in reply.aiter_lines():
        if line.startswith("id: "):
            number = int(line.removeprefix("id: "))
        elif line.startswith("data: "):
            yield number, line.removeprefix("data: ")


async def _running(http: httpx.AsyncClient) -> float:
    lines = (await http.get("metrics")).text.splitlines()
    found = [line for line in lines if line.startswith("jupyter_llm_requests_running{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)
