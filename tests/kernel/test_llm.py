"""`from jupyter_llm import llm`, against a real server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from live_kernel import LiveKernel, eventually

from jupyter_llm import LLM
from jupyter_llm.errors import AnswerFormatError, InvalidRequestError, LLMError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from live import LiveServer

    from jupyter_llm.client import Client

QUESTION = "How do I load a model?"
LONG = "word " * 300_000


@dataclass
class Verdict:
    word: Literal["yes", "no"]
    sure: bool


@pytest.fixture
def llm(guide_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LLM]:
    """The models as a script sees them, with a cache of its own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    with LLM(guide_server.url, guide_server.token) as llm:
        yield llm


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def test_several_answers_come_as_a_list(llm: LLM) -> None:
    answers = llm.chat(QUESTION, n=3, seed=1)
    assert all(answer.text for answer in answers)
    assert [answer.finish_reason for answer in answers] == ["stop"] * 3
    assert answers[0].turns[0].content == answers[0].text
    assert len(llm.chat(QUESTION, n=1)) == 1
    values = asyncio.run(llm.achat("Is it?", n=2, schema=Verdict))
    assert [type(answer.value) for answer in values] == [Verdict] * 2
    for name, value in {"tools": [add], "cache": True}.items():
        with pytest.raises(InvalidRequestError, match=f"{name} is for one answer"):
            llm.chat(QUESTION, n=2, **{name: value})
    with pytest.raises(InvalidRequestError, match="n=3"):
        llm.stream(QUESTION, n=2)


def test_an_answer_says_what_it_took(llm: LLM) -> None:
    answer = llm.chat(QUESTION)

    assert "load" in answer.text
    assert str(answer) == answer.text
    assert answer.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 3
    assert answer.tokens_per_s is not None
    assert repr(answer).startswith(f"<Answer '{answer.text[:20]}")
    assert f"guide · {answer.usage.completion_tokens} tokens · " in repr(answer)
    shown = answer._repr_markdown_()
    assert shown.startswith(answer.text)
    assert "tokens/s · stop</small>" in shown


@pytest.mark.parametrize("url", ["{}", "{}/", "{}/v1", "{}/v1/"])
def test_a_script_needs_a_url_and_a_key(guide_server: LiveServer, url: str) -> None:
    where = url.format(guide_server.url)
    with LLM(where, guide_server.token, model="echo", temperature=0) as script:
        assert script.chat("Hello").text == "Hello"
        assert script.chat("Hello", model="guide").model == "guide"
        assert guide_server.token not in repr(script)
        assert {status.model.id for status in script.models()} >= {"guide", "echo"}
        assert script.load("echo").state == "ready"
        assert script.unload("echo").state == "unloaded"


def test_a_stream_gives_text_and_then_the_answer(llm: LLM) -> None:
    stream = llm.stream(QUESTION)
    pieces = list(stream)

    assert len(pieces) > 3
    assert "".join(pieces) == stream.answer.text == llm.chat(QUESTION).text
    *deltas, last = llm.stream(QUESTION).deltas()
    assert "".join(delta.text for delta in deltas) == stream.answer.text
    assert last.finish_reason == "stop"


def test_a_typed_answer_is_a_value(llm: LLM) -> None:
    answer = llm.chat("Are you sure?", schema=Verdict)

    assert isinstance(answer.value, Verdict)
    assert answer.value.word in {"yes", "no"}
    assert json.loads(answer.text)["sure"] is answer.value.sure
    assert f"value={answer.value!r}" in repr(answer)
    assert answer._repr_markdown_().startswith("```json\n{")
    assert llm.chat("Yes?", schema=["yes"]).value == "yes"
    with pytest.raises(AnswerFormatError, match="Give it more room"):
        llm.chat("Are you sure?", schema=Verdict, max_tokens=2)
    assert isinstance(llm.extract("Are you sure?", Verdict), Verdict)
    assert isinstance(llm.extract("Are you sure?", {"type": "object", "maxProperties": 0}), dict)


def test_tools_are_called_until_there_is_an_answer(llm: LLM) -> None:
    # echo calls with what the user says, and then says it
    answer = llm.chat('{"a": 1, "b": 2}', model="echo", tools=[add], tool_choice="required")

    call, result, last = answer.turns
    assert [call.role, result.role, last.role] == ["assistant", "tool", "assistant"]
    assert result.content == "3"
    assert result.tool_call_id == call.tool_calls[0].id
    assert answer.text == '{"a": 1, "b": 2}'
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > llm.chat("Hello", model="echo").usage.prompt_tokens  # type: ignore[union-attr]  # echo says its usage


def test_what_a_tool_refuses_is_told_to_the_model(llm: LLM) -> None:
    answer = llm.chat('{"a": 1, "b": "x"}', model="echo", tools=[add], tool_choice="required")
    assert "the argument 'b' does not fit" in answer.turns[1].content


def test_rounds_are_bounded(llm: LLM) -> None:
    with pytest.raises(LLMError, match="called tools 1 times over"):
        llm.chat(
            '{"a": 1, "b": 2}', model="echo", tools=[add], tool_choice="required", max_rounds=0
        )


def test_calls_of_tools_without_a_function_are_the_callers(llm: LLM) -> None:
    described = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object"}},
    }
    answer = llm.chat("{}", model="echo", tools=[described], tool_choice="required")

    assert [call.name for call in answer.tool_calls] == ["look"]
    assert answer.finish_reason == "tool_calls"
    assert "look({})" in repr(answer)


def test_vectors_are_an_array(llm: LLM) -> None:
    texts = [f"text {number}" for number in range(5)]
    array = llm.embed(texts)

    assert array.shape == (5, len(llm.embed("one")))
    assert array.dtype == np.float32
    assert np.linalg.norm(array, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert llm.embed([]).size == 0


def test_vectors_are_lists_without_numpy(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    array = llm.embed(["one"])
    monkeypatch.setitem(sys.modules, "numpy", None)

    assert llm.embed(["one"]) == [pytest.approx(array[0].tolist(), abs=1e-6)]
    assert llm.embed("one") == pytest.approx(array[0].tolist(), abs=1e-6)


def test_a_conversation_remembers(llm: LLM) -> None:
    chat = llm.conversation(system="Be brief.", model="echo")
    chat.ask("One")
    with pytest.raises(ModelNotFoundError):
        chat.ask("lost", model="nowhere")
    chat.stream("lost").close()
    answer = chat.ask("Two")

    assert answer.text == "Two"
    assert [(turn["role"], turn["content"]) for turn in chat.messages] == [
        ("user", "One"),
        ("assistant", "One"),
        ("user", "Two"),
        ("assistant", "Two"),
    ]
    assert answer.usage is not None
    assert "**assistant**\n\nTwo" in chat._repr_markdown_()
    assert repr(chat).startswith("user: One")
    assert len(chat) == 4
    chat.reset()
    assert len(chat) == 0


def test_a_kept_answer_is_not_asked_for_again(llm: LLM, guide_client: Client) -> None:
    def num_requests() -> int:
        (guide,) = (s for s in guide_client.models() if s.model.id == "guide")
        return guide.stats.num_completion_tokens

    first = llm.chat(QUESTION, cache=True)
    before = num_requests()
    again = llm.chat(QUESTION, cache=True)

    assert num_requests() == before
    assert again.text == first.text
    assert again.usage == first.usage
    assert (first.is_cached, again.is_cached) == (False, True)
    assert "from the cache" in repr(again)
    assert not llm.chat(QUESTION, cache=True, max_tokens=50).is_cached
    assert not llm.chat(QUESTION).is_cached
    assert llm.clear_cache() == 2
    assert not llm.chat(QUESTION, cache=True).is_cached


def test_a_cut_answer_is_not_kept(llm: LLM) -> None:
    for _ in range(2):
        with pytest.raises(AnswerFormatError):
            llm.chat("Are you sure?", schema=Verdict, max_tokens=2, cache=True)
    assert llm.clear_cache() == 0


async def test_a_loop_gets_the_same(llm: LLM) -> None:
    answer = await llm.achat(QUESTION)
    assert answer.text == (await asyncio.to_thread(llm.chat, QUESTION)).text
    async with llm.astream(QUESTION) as stream:
        assert "".join([piece async for piece in stream]) == answer.text
        assert (await stream.answer()).finish_reason == "stop"
    kept = [await llm.achat(QUESTION, cache=True) for _ in range(2)]
    assert [one.is_cached for one in kept] == [False, True]
    assert isinstance(await llm.aextract("Sure?", Verdict), Verdict)
    assert (await llm.aembed(["one"])).shape[0] == 1
    called = await llm.achat('{"a": 1, "b": 2}', model="echo", tools=[add], tool_choice="required")
    assert called.turns[1].content == "3"
    chat = llm.conversation(model="echo")
    assert (await chat.aask("One")).text == "One"
    assert len(chat) == 2


def is_running(client: Client) -> bool:
    return any(status.stats.num_running for status in client.loaded())


async def test_cancelling_stops_the_model(live_server: LiveServer, client: Client) -> None:
    llm = LLM(live_server.url, live_server.token, model="echo")
    task = asyncio.create_task(llm.achat(LONG))
    assert await asyncio.to_thread(eventually, lambda: is_running(client))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(eventually, lambda: not is_running(client))


def test_a_closed_stream_has_what_came(live_server: LiveServer, client: Client) -> None:
    with (
        LLM(live_server.url, live_server.token, model="echo") as llm,
        llm.stream(LONG) as stream,
    ):
        assert next(stream).startswith("word")
        assert is_running(client)
    assert eventually(lambda: not is_running(client))
    assert stream.answer.text.startswith("word")
    assert stream.answer.finish_reason is None
    assert "stopped" in repr(stream.answer)


def test_an_interrupt_stops_the_model(kernel: LiveKernel, client: Client) -> None:
    kernel.ok("from jupyter_llm import llm")
    for code in (
        "llm.chat('word ' * 300_000, model='echo')",
        "llm.map(['word ' * 300_000], model='echo', cache=False)",
        "await llm.achat('word ' * 300_000, model='echo')",
    ):
        cell = kernel.start(code)
        assert eventually(lambda: is_running(client)), code
        kernel.interrupt()
        kernel.finish(cell)
        assert cell.error is not None, code
        assert cell.error.ename in {"KeyboardInterrupt", "CancelledError"}, code
        assert eventually(lambda: not is_running(client)), code


def test_a_notebook_needs_no_settings(kernel: LiveKernel) -> None:
    cell = kernel.ok("from jupyter_llm import llm\nllm.chat('Hello', model='echo')")

    (shown,) = cell.outputs
    assert shown.data["text/markdown"].startswith("Hello")
    assert shown.data["text/plain"].startswith("<Answer 'Hello'")
    image = "import numpy as np\nllm.chat('Hello', model='echo', images=[np.zeros((2, 2))])"
    error = kernel.run(image).error
    assert error is not None
    assert "image" in error.evalue


def test_wrong_options_are_named(llm: LLM) -> None:
    with pytest.raises(InvalidRequestError, match="temprature"):
        llm.chat("Hello", temprature=1)
    with pytest.raises(InvalidRequestError, match="temperature"):
        llm.chat("Hello", temperature=-1)


def test_importing_it_is_light() -> None:
    code = "import sys; from jupyter_llm import llm; llm.conversation(); print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert not loaded & {"httpx", "numpy", "pandas", "pydantic", "IPython", "PIL", "msgspec"}
