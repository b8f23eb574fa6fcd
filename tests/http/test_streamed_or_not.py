"""A stream says, put together, what the whole answer says: 500 random requests to the guide."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine

if TYPE_CHECKING:
    from conftest import Call

    from jupyter_llm.types import GenerationRequest, TokenChunk

NUM_BATCHES = 20
BATCH = 25

PROPERTIES = {"place": {"enum": ["here", "naïve 🐘"]}, "is_new": {"type": "boolean"}}
FORM = {
    "type": "object",
    "properties": PROPERTIES,
    "required": ["place", "is_new"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "look", "parameters": {**FORM, "required": []}}},
    {"type": "function", "function": {"name": "ask", "parameters": FORM}},
]
CHOICES = ["auto", "none", "required", {"type": "function", "function": {"name": "ask"}}]

QUESTIONS = ("How do I load a model?", "What is the guide?", "Hello!", "Which port?")

STOPS = ["e", " the", "model", "\n", "%llm", "o l", "ad", "never said", "."]
PROMPTS = ["Load a", "%llm ", "naïve 🐘 café", "The guide is", "1, 2, 3,", "models: ", "def f("]

sampling = {
    "max_tokens": st.integers(1, 14),
    "temperature": st.sampled_from([0, 0.7, 1, 1.8]),
}
options = {
    "seed": st.integers(-9, 2**40),
    "n": st.integers(1, 3),
    "stop": st.one_of(
        st.sampled_from(STOPS), st.lists(st.sampled_from(STOPS), min_size=1, max_size=3)
    ),
    "top_p": st.sampled_from([0.5, 0.95, 1]),
    "top_k": st.sampled_from([0, 1, 10]),
    "min_p": st.sampled_from([0, 0.05]),
    "presence_penalty": st.sampled_from([-0.5, 1]),
    "frequency_penalty": st.sampled_from([0.5, 2]),
    "repeat_penalty": st.sampled_from([1.1, 1.5]),
    "logit_bias": st.dictionaries(st.integers(256, 900).map(str), st.integers(-20, 6), max_size=3),
    "ignore_eos": st.booleans(),
}
prompt = st.one_of(st.sampled_from(PROMPTS), st.lists(st.integers(32, 900), min_size=1, max_size=9))


@st.composite
def chats(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    extra: dict[str, Any] = {"logprobs": st.booleans()}
    body = draw(st.fixed_dictionaries(sampling, optional={**options, **extra}))
    if body.get("logprobs"):
        body["top_logprobs"] = draw(st.integers(0, 4))
    if draw(st.integers(0, 2)) == 0:
        body |= {"tools": TOOLS, "tool_choice": draw(st.sampled_from(CHOICES))}
        body |= {"max_tokens": draw(st.integers(5, 60)), "parallel_tool_calls": draw(st.booleans())}
    elif draw(st.integers(0, 3)) == 0:
        form = {"name": "form", "schema": FORM}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
        body["max_tokens"] = draw(st.integers(5, 40))
    messages = [{"role": "user", "content": draw(st.sampled_from(QUESTIONS))}]
    return "v1/chat/completions", {"model": "guide", "messages": messages, **body}


@st.composite
def completions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    extra: dict[str, Any] = {"logprobs": st.integers(0, 4), "echo": st.booleans()}
    prompts = st.one_of(prompt, st.lists(prompt, min_size=1, max_size=3))
    body = draw(
        st.fixed_dictionaries({**sampling, "prompt": prompts}, optional={**options, **extra})
    )
    if body.get("echo") and draw(st.booleans()):
        body["max_tokens"] = 0
    return "v1/completions", {"model": "guide", **body}


batches = st.lists(st.one_of(chats(), completions()), min_size=BATCH, max_size=BATCH)


class Remembering(LlamaCppEngine):
    """Says the same again to who asks the same again.

    Where a model is undecided, the last bits of its arithmetic depend on who else is
    answered. What is sent of an answer must not: whether it is to be streamed, an engine
    is not told.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, asyncio.Task[list[TokenChunk]]] = {}

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        known = repr(replace(request, id=""))
        if known not in self._said:
            self._said[known] = asyncio.create_task(self._collect(request))
        for chunk in await self._said[known]:
            await asyncio.sleep(0)
            yield chunk

    async def _collect(self, request: GenerationRequest) -> list[TokenChunk]:
        return [chunk async for chunk in super().generate(request)]


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_llm.engines.select.find_engine", lambda *_, **__: Remembering)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("remembering")
@settings(
    max_examples=NUM_BATCHES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(batch=batches)
def test_a_stream_put_together_is_the_whole_answer(
    call: Call, jp_asyncio_loop: asyncio.AbstractEventLoop, batch: list[tuple[str, dict[str, Any]]]
) -> None:
    async def compare(path: str, body: dict[str, Any]) -> None:
        whole = whole_of(await call(path, body))
        asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
        assert streamed_of(await call(path, asked)) == whole

    async def compare_all() -> None:
        await asyncio.gather(*(compare(*request) for request in batch))

    jp_asyncio_loop.run_until_complete(compare_all())


def whole_of(answer: Any) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    choices = {choice["index"]: content_of(choice) for choice in answer.json["choices"]}
    return {"choices": choices, "usage": answer.json["usage"]}


def streamed_of(answer: Any) -> dict[str, Any]:
    """The events of a stream, put together as a client does."""
    assert answer.status == 200, answer.body
    *events, done = answer.events
    assert done == "[DONE]"
    choices: dict[int, dict[str, Any]] = defaultdict(
        lambda: {"text": "", "calls": {}, "finish_reason": None, "logprobs": None}
    )
    usage = None
    for event in events:
        assert usage is None, "usage comes last"
        usage = event["usage"]
        for choice in event["choices"]:
            add(choices[choice["index"]], content_of(choice))
    return {"choices": dict(choices), "usage": usage}


def content_of(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice.get("message") or choice.get("delta") or {}
    return {
        "text": choice.get("text", message.get("content")) or "",
        "calls": calls_of(message.get("tool_calls") or ()),
        "finish_reason": choice["finish_reason"],
        "logprobs": choice["logprobs"],
    }


def calls_of(calls: Sequence[dict[str, Any]]) -> dict[int, list[str]]:
    """Id, name and arguments of each call by its number."""
    return {
        call.get("index", number): [
            call.get("id") or "",
            call["function"].get("name") or "",
            call["function"].get("arguments") or "",
        ]
        for number, call in enumerate(calls)
    }


def add(answer: dict[str, Any], part: dict[str, Any]) -> None:
    assert answer["finish_reason"] is None, "nothing comes after the end"
    answer["text"] += part["text"]
    for number, gained in part["calls"].items():
        said = answer["calls"].get(number, ["", "", ""])
        answer["calls"][number] = [before + more for before, more in zip(said, gained, strict=True)]
    answer["finish_reason"] = part["finish_reason"]
    if part["logprobs"]:
        before = answer["logprobs"] or {}
        answer["logprobs"] = {
            name: (before.get(name) or []) + more if more else before.get(name)
            for name, more in part["logprobs"].items()
        }
