"""Tools and reasoning over HTTP, as OpenAI's own client sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from jsonschema import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from live import LiveServer
    from openai.types.chat import ChatCompletion

MESSAGES = [{"role": "user", "content": "How warm is it in Bern?"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 12},
        "unit": {"type": "string", "enum": ["C", "F"]},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "now", "description": "The time."}},
]
WEATHER = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{live_server.url}/v1",
        api_key=live_server.token,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


def ask(client: openai.OpenAI, **fields: Any) -> ChatCompletion:
    body = {"model": "guide", "messages": MESSAGES, "tools": TOOLS, "max_tokens": 120, **fields}
    return client.chat.completions.create(**body)


def streamed(client: openai.OpenAI, **fields: Any) -> tuple[str, list[dict[str, str]], Any, Any]:
    body = {"model": "guide", "messages": MESSAGES, "tools": TOOLS, "max_tokens": 120, **fields}
    options = {"include_usage": True}
    text, calls, reason, usage = "", [], None, None
    with client.chat.completions.create(**body, stream=True, stream_options=options) as stream:
        for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                reason = choice.finish_reason or reason
                text += choice.delta.content or ""
                for call in choice.delta.tool_calls or []:
                    if call.id:
                        assert call.index == len(calls)
                        calls.append({"name": call.function.name, "arguments": ""})
                    calls[call.index]["arguments"] += call.function.arguments or ""
    return text, calls, reason, usage


@pytest.mark.parametrize("choice", ["auto", "required", WEATHER, "none"])
@pytest.mark.parametrize("seed", range(3))
def test_a_stream_says_the_same_as_the_whole_answer(
    client: openai.OpenAI, choice: Any, seed: int
) -> None:
    fields = {"tool_choice": choice, "seed": seed, "temperature": 1.0}
    whole = ask(client, **fields)
    text, calls, reason, usage = streamed(client, **fields)

    message = whole.choices[0].message
    assert text == (message.content or "")
    assert reason == whole.choices[0].finish_reason
    assert usage.completion_tokens == whole.usage.completion_tokens
    assert usage.completion_tokens_details == whole.usage.completion_tokens_details
    said = [call.function for call in message.tool_calls or []]
    assert calls == [{"name": each.name, "arguments": each.arguments} for each in said]


def test_a_named_tool_is_called_with_arguments_that_follow_its_schema(
    client: openai.OpenAI,
) -> None:
    for seed in range(5):
        choice = ask(client, tool_choice=WEATHER, seed=seed, temperature=1.0).choices[0]

        assert choice.finish_reason == "tool_calls"
        assert choice.message.content is None
        (call,) = choice.message.tool_calls
        assert call.function.name == "get_weather"
        validate(json.loads(call.function.arguments), SCHEMA)


def test_the_result_of_a_call_is_read_on(client: openai.OpenAI) -> None:
    asked = ask(client, tool_choice=WEATHER).choices[0].message
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "21 °C"}
    history = [*MESSAGES, asked.model_dump(exclude_none=True), result]
    answer = ask(client, messages=history, tool_choice="none")

    assert answer.choices[0].message.tool_calls is None
    assert answer.usage.prompt_tokens > ask(client, tool_choice="none").usage.prompt_tokens


def test_at_most_one_call_comes_where_one_is_asked_for(client: openai.OpenAI) -> None:
    for seed in range(3):
        fields = {"tool_choice": "required", "parallel_tool_calls": False}
        message = ask(client, **fields, seed=seed, temperature=1.0).choices[0].message
        assert len(message.tool_calls) == 1


def test_a_schema_beyond_enforcement_is_named(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"not": {}}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, tools=[*TOOLS, tool], tool_choice="required")

    assert caught.value.param == "tools[2].function.parameters"
    assert "/properties/a/not" in caught.value.message


def test_malformed_arguments_in_the_history_are_named(client: openai.OpenAI) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": '{"a":'}}
    history = [*MESSAGES, {"role": "assistant", "tool_calls": [call]}]
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, messages=history)

    assert caught.value.param == "messages[1].tool_calls[0].function.arguments"


def test_reasoning_is_refused_by_a_model_that_has_none(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, reasoning_effort="high")

    assert caught.value.param == "reasoning_effort"
    assert ask(client, reasoning_effort="none").choices


def test_echo_repeats_as_arguments_where_a_tool_must_be_called(client: openai.OpenAI) -> None:
    said = '{"city": "Bern", "unit": "C"}'
    fields = {"model": "echo", "messages": [{"role": "user", "content": said}]}
    whole = ask(client, **fields, tool_choice=WEATHER)

    (call,) = whole.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", said)
    _, calls, reason, _ = streamed(client, **fields, tool_choice=WEATHER)
    assert (calls, reason) == ([{"name": "get_weather", "arguments": said}], "tool_calls")
