"""Whole replies, however they came."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from live_kernel import eventually

from jupyter_llm.client.async_client import AsyncClient
from jupyter_llm.client.reply import GrowingReply, Reply, reply_from_body
from jupyter_llm.client.stream import deltas
from jupyter_llm.client.work import completion, embedding
from jupyter_llm.errors import AnswerFormatError, ModelNotFoundError, ServerNotFoundError
from jupyter_llm.types import Timings, ToolCall, Usage

if TYPE_CHECKING:
    from jupyter_llm.client import Client

LONG = "word " * 300_000


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def without_times(reply: Reply) -> dict[str, Any]:
    fields = {name: getattr(reply, name) for name in Reply.__dataclass_fields__}
    assert isinstance(fields.pop("timings"), Timings)
    fields["tool_calls"] = [(call.name, call.arguments) for call in reply.tool_calls]
    return {**fields, "usage": reply.usage and reply.usage.completion_tokens}


def grown(client: Client, *args: Any, **options: Any) -> Reply:
    growing = GrowingReply()
    for delta in client.chat(*args, **options):
        growing.add(delta)
    return growing.reply()


@pytest.mark.parametrize(
    "options",
    [
        {"messages": "How do I load a model?", "model": "guide", "temperature": 0},
        {
            "messages": '{"a": 1, "b": 2}',
            "model": "echo",
            "tools": [add],
            "tool_choice": "required",
        },
        {
            "messages": "Hello",
            "model": "guide",
            "schema": {"enum": ["yes", "no"]},
            "temperature": 0,
        },
    ],
)
def test_a_reply_is_the_same_in_pieces_and_in_one(guide_client: Client, options: Any) -> None:
    whole = guide_client.complete(**options)

    assert without_times(grown(guide_client, **options)) == without_times(whole)
    assert whole.text or whole.tool_calls


def test_calls_and_reasoning_are_put_together() -> None:
    def event(**delta: Any) -> str:
        return json.dumps({"model": "m", "choices": [{"delta": delta}]})

    second = {"index": 1, "id": "b", "function": {"name": "two"}}
    first = {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}}
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 9,
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    events = [
        event(role="assistant", content=""),
        event(reasoning_content="I "),
        event(reasoning_content="add."),
        event(content="See:"),
        event(tool_calls=[second, first]),
        event(tool_calls=[{"index": 0, "function": {"arguments": "}"}}]),
        json.dumps({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
        json.dumps({"choices": [], "usage": usage}),
        "[DONE]",
    ]
    growing = GrowingReply()
    assert growing.reply() == Reply(text="")
    for delta in deltas(events):
        growing.add(delta)

    calls = (
        ToolCall(id="a", name="one", arguments="{}"),
        ToolCall(id="b", name="two", arguments=""),
    )
    reply = growing.reply()
    assert reply == Reply(
        text="See:",
        reasoning="I add.",
        tool_calls=calls,
        model="m",
        finish_reason="tool_calls",
        usage=Usage(prompt_tokens=1, completion_tokens=9, reasoning_tokens=4),
    )
    turn = reply.message()
    assert (turn.role, turn.content, turn.reasoning, turn.tool_calls) == (
        *("assistant", "See:", "I add."),
        calls,
    )


def test_a_call_without_text_is_a_reply() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "one", "arguments": "{}"}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    assert reply_from_body({"choices": [choice]}).tool_calls == (
        ToolCall(id="a", name="one", arguments="{}"),
    )


def test_texts_become_vectors(guide_client: Client) -> None:
    found = guide_client.embed(["one", "two", "one"], model="guide")
    one, two, again = (np.frombuffer(vector, "<f4") for vector in found.vectors)
    (alone,) = guide_client.embed("one", model="guide").vectors

    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ again == pytest.approx(1, abs=1e-4)
    assert one @ two < 0.999
    assert one @ np.frombuffer(alone, "<f4") == pytest.approx(1, abs=1e-4)
    assert found.usage.prompt_tokens > 0


def test_data_is_read_out_of_a_text(guide_client: Client) -> None:
    assert guide_client.extract("Hello", ["yes", "no"], model="guide") in {"yes", "no"}
    with pytest.raises(AnswerFormatError, match="Give it more room"):
        guide_client.extract("Hello", list[str], model="guide", max_tokens=1)


async def test_a_loop_gets_the_same(guide_client: Client) -> None:
    question: dict[str, Any] = {"messages": "Hello you\u2028there", "model": "echo"}
    growing = GrowingReply()
    async with AsyncClient(guide_client.server) as client:
        async for delta in client.stream(completion(**question)):
            growing.add(delta)
        whole = await client.do(completion(**question))
        vectors = (await client.do(embedding(["one"], model="guide"))).vectors

    assert without_times(growing.reply()) == without_times(whole)
    assert whole.text == "Hello you\u2028there"
    assert vectors == guide_client.embed(["one"], model="guide").vectors


def is_running(client: Client) -> bool:
    return any(status.stats.num_running for status in client.loaded())


@pytest.mark.parametrize("streams", [True, False])
async def test_cancelling_stops_the_model(client: Client, streams: bool) -> None:
    async def ask() -> None:
        async with AsyncClient(client.server) as ours:
            work = completion(LONG, model="echo")
            if not streams:
                await ours.do(work)
            async for _ in ours.stream(work):
                pass

    task = asyncio.create_task(ask())
    assert await asyncio.to_thread(eventually, lambda: is_running(client))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(eventually, lambda: not is_running(client))


async def test_a_loop_gets_the_same_errors(client: Client) -> None:
    async with AsyncClient(client.server) as ours:
        with pytest.raises(ModelNotFoundError):
            await ours.do(completion("Hello", model="ehco"))
        with pytest.raises(ModelNotFoundError):
            await anext(ours.stream(completion("Hello", model="ehco")))
    nowhere = type(client.server)(url="http://127.0.0.1:9/llm/", found_by="test")
    async with AsyncClient(nowhere) as lost:
        with pytest.raises(ServerNotFoundError, match="Nothing answers"):
            await lost.do(completion("Hello"))
