from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import ANSWERS, TOOLS, Recorded

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.formats.choose import FORMATS, format_of
from jupyter_llm.chat.parser import AnswerParser
from jupyter_llm.chat.reasoning import reasoning_of
from jupyter_llm.chat.text import TextDecoder

by_id = pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.id)


@dataclass
class Said:
    text: str = ""
    reasoning: str = ""
    calls: list[list[str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


def parse(answer: Recorded, parts: list[bytes]) -> Said:
    count = itertools.count()
    parser = AnswerParser(
        format_of(answer.source),
        tools=Declared(TOOLS),
        reasoning=reasoning_of(answer.source),
        opening=answer.opening,
        make_id=lambda: f"id{next(count)}",
    )
    decoder, said = TextDecoder(), Said()
    deltas = [parser.feed(decoder.feed(part)) for part in parts]
    for delta in [*deltas, parser.feed(decoder.flush()), parser.finish()]:
        if delta is None:
            continue
        said.text += delta.text
        said.reasoning += delta.reasoning
        for call in delta.tool_calls:
            if call.name:
                assert call.index == len(said.calls)
                said.calls.append([call.name, ""])
                said.ids.append(call.id)
            said.calls[call.index][1] += call.arguments
    return said


@by_id
def test_an_answer_is_understood(answer: Recorded) -> None:
    said = parse(answer, [answer.output.encode()])

    assert (said.text, said.reasoning) == (answer.text, answer.reasoning)
    calls = [(name, json.loads(arguments)) for name, arguments in said.calls]
    assert calls == list(answer.calls)
    if answer.ids:
        assert said.ids == list(answer.ids)


@by_id
def test_where_it_is_cut_changes_nothing(answer: Recorded) -> None:
    data = answer.output.encode()
    whole = parse(answer, [data])

    assert parse(answer, [data[at : at + 1] for at in range(len(data))]) == whole
    for at in range(1, len(data)):
        assert parse(answer, [data[:at], data[at:]]) == whole


@by_id
def test_wherever_it_ends_too_early_the_parts_still_agree(answer: Recorded) -> None:
    data = answer.output.encode()
    for end in range(0, len(data), 3):
        parts = [data[at : at + 1] for at in range(end)]
        assert parse(answer, parts) == parse(answer, [data[:end]])


def test_every_format_has_a_recorded_answer() -> None:
    assert {format_of(answer.source).name for answer in ANSWERS} == {one.name for one in FORMATS}


def test_arguments_come_as_they_are_written() -> None:
    parser = AnswerParser(format_of("<tool_call>"), tools=Declared(TOOLS))
    parser.feed('<tool_call>{"name": "write", "arguments": {"text": "abc')
    delta = parser.feed("def")

    assert delta is not None
    assert [call.arguments for call in delta.tool_calls] == ["def"]


def test_ids_are_unique_and_in_openais_form() -> None:
    parser = AnswerParser(format_of("<tool_call>"), tools=Declared(TOOLS))
    delta = parser.feed('<tool_call>{"name": "now"}</tool_call>' * 3)

    assert delta is not None
    ids = {call.id for call in delta.tool_calls}
    assert len(ids) == 3
    assert all(one.startswith("call_") and len(one) == 29 for one in ids)


def test_without_tools_markers_are_text() -> None:
    parser = AnswerParser(format_of("<tool_call>"), tools=Declared(()))
    text = '<tool_call>{"name": "now"}</tool_call>'
    deltas = [parser.feed(text), parser.finish()]

    assert "".join(delta.text for delta in deltas if delta) == text


MARKERS = sorted({token for one in FORMATS for token in one.markers})
PIECES = (
    *MARKERS,
    *('{"name": "now"', ', "arguments": ', "{", "}", '"', "[", "]", "\\", ",", ";", ":", "\n", " "),
    *("now", "call:", "functions.now:0", "<think>", "</think>", "<function=", "<parameter=", ">"),
    *("```", "```tool_code\n", "now()", "function", "é", "<|channel|>final<|message|>"),
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted({answer.source for answer in ANSWERS})),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.integers(1, 7),
)
def test_nothing_that_a_model_may_write_is_parsed_by_its_cuts(
    source: str, output: str, size: int
) -> None:
    answer = Recorded(id="", source=source, output=output)
    data = output.encode()
    parts = [data[at : at + size] for at in range(0, len(data), size)]

    assert parse(answer, parts) == parse(answer, [data])
