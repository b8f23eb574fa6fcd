"""Functions of a notebook that the guide calls, with and without somebody to ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.kernel.exchange import MAX_ROUNDS
from jupyter_llm.kernel.tool_calls import Toolset, signature
from jupyter_llm.types import ToolCall

if TYPE_CHECKING:
    from live_kernel import LiveKernel

WEATHER = '''
called = []
def weather(city: str) -> str:
    """Tell the weather in a city."""
    called.append(city)
    return f"sunny in {city}"
'''
ASK = """%%llm -m guide --tools weather --no-history -o said{}
What is the weather in Paris?
"""


@pytest.fixture
def with_weather(guide_kernel: LiveKernel) -> LiveKernel:
    guide_kernel.ok(WEATHER)
    return guide_kernel


def calls(kernel: LiveKernel) -> str:
    return kernel.ok("print(called)").printed.strip()


def test_a_person_is_asked_and_the_answer_is_about_the_result(with_weather: LiveKernel) -> None:
    cell, asked = with_weather.converse(ASK.format(""), "y")
    assert cell.reply["status"] == "ok"
    assert asked == ["The model calls weather(city='Paris'). Run it? [y/a/N] "]
    assert calls(with_weather) == "['Paris']"
    question, called, answer = cell.displays
    assert "tool_calls" in question.data["text/markdown"]
    assert (
        called.data["text/markdown"] == "```pycon\n>>> weather(city='Paris')\nsunny in Paris\n```"
    )
    assert "sunny" in answer.data["text/markdown"]
    assert "sunny" in with_weather.ok("print(said)").printed


def test_who_says_no_is_not_overridden(with_weather: LiveKernel) -> None:
    cell, _ = with_weather.converse(ASK.format(""), "")
    assert calls(with_weather) == "[]"
    assert "The user did not allow this call" in cell.displays[1].data["text/markdown"]


def test_where_nobody_can_be_asked_nothing_runs(with_weather: LiveKernel) -> None:
    cell = with_weather.run(ASK.format(""))
    assert cell.reply["ename"] == "InvalidRequestError"
    assert "--allow-tools" in cell.reply["evalue"]
    assert calls(with_weather) == "[]"


def test_what_is_allowed_beforehand_runs(with_weather: LiveKernel) -> None:
    with_weather.ok(ASK.format(" --allow-tools"))
    assert calls(with_weather) == "['Paris']"


def test_a_function_that_fails_tells_the_model(with_weather: LiveKernel) -> None:
    with_weather.ok("def weather(city: str) -> str:\n    'Tell the weather in a city.'\n    1 / 0")
    cell = with_weather.ok(ASK.format(" --allow-tools"))
    assert "Error: ZeroDivisionError" in cell.displays[1].data["text/markdown"]
    assert len(cell.displays) == 3


def test_a_model_that_never_stops_calling_has_to_answer(with_weather: LiveKernel) -> None:
    """The second client of the cell always wants to call."""
    with_weather.ok(
        "from jupyter_llm.client import Client, ChatDelta\n"
        "from jupyter_llm.types import ToolCallDelta\n"
        "asked, chat = [], Client.chat\n"
        "def calling(self, messages, **options):\n"
        "    asked.append(options.get('tool_choice'))\n"
        '    oslo = \'{"city": "Oslo"}\'\n'
        "    call = ToolCallDelta(index=0, id='1', name='weather', arguments=oslo)\n"
        "    if asked[-1] != 'none':\n"
        "        yield ChatDelta(text='', tool_calls=(call,))\n"
        "    yield ChatDelta(text='enough' if asked[-1] else '', finish_reason='stop')\n"
        "Client.chat = calling"
    )
    try:
        with_weather.ok(ASK.format(" --allow-tools"))
    finally:
        with_weather.ok("Client.chat = chat")
    assert with_weather.ok("print(asked)").printed.strip() == str([None] * MAX_ROUNDS + ["none"])
    assert calls(with_weather).count("Oslo") == MAX_ROUNDS
    assert with_weather.ok("print(said)").printed == "enough\n"


def test_names_of_what_is_no_function_are_refused(guide_kernel: LiveKernel) -> None:
    assert "nobody" in guide_kernel.run("%%llm -m guide --tools nobody\nHello").reply["evalue"]
    guide_kernel.ok("number = 7")
    assert guide_kernel.run("%%llm -m guide --tools number\nHello").reply["status"] == "error"


def call(name: str = "double", arguments: str = '{"n": 2}') -> ToolCall:
    return ToolCall(id="1", name=name, arguments=arguments)


def double(n: int) -> int:
    """Twice as much."""
    return 2 * n


def test_all_calls_of_a_function_can_be_allowed_at_once() -> None:
    asked: list[Any] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "a"

    toolset = Toolset([double], ask)
    assert [toolset.answer(call()).content for _ in range(3)] == ["4", "4", "4"]
    assert len(asked) == 1


def test_a_tool_that_does_not_exist_and_arguments_that_do_not_fit_are_told() -> None:
    toolset = Toolset([double], None)
    assert "no such tool, but double" in toolset.answer(call("triple")).content
    assert "'n' does not fit" in toolset.answer(call(arguments='{"n": "x"}')).content


@pytest.mark.parametrize("nobody", [EOFError, NotImplementedError])
def test_silence_allows_nothing(nobody: type[Exception]) -> None:
    def ask(_: str) -> str:
        raise nobody

    with pytest.raises(InvalidRequestError, match="--allow-tools"):
        Toolset([double], ask).answer(call())


def test_calls_are_written_as_python_writes_them() -> None:
    assert signature(call(arguments='{"a": "x", "b": [1]}')) == "double(a='x', b=[1])"
    assert signature(call(arguments="not json")) == "double(not json)"
    assert re.fullmatch(r"double\(a='x+…", signature(call(arguments=f'{{"a": "{"x" * 9999}"}}')))
