"""Every field that OpenAI documents either works here or is refused by its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsStreaming as ChatParams,
)
from openai.types.completion_create_params import CompletionCreateParamsStreaming as TextParams

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.completion_request import completion_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.handlers.wire.call import Call

MESSAGES = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}

SHARED: dict[str, Any] = {
    "model": "guide",
    "frequency_penalty": 0.5,
    "logit_bias": {"5": 1},
    "max_tokens": 5,
    "n": 2,
    "presence_penalty": 0.5,
    "seed": 1,
    "stop": ["a", "b"],
    "stream": True,
    "temperature": 0.5,
    "top_p": 0.5,
    "user": "ada",
}
# the fields that come only with another one
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
LOGPROBS = {"logprobs": True, "top_logprobs": 2}

CHAT_WORKS: dict[str, Any] = {
    **SHARED,
    "messages": MESSAGES,
    "logprobs": True,
    "max_completion_tokens": 5,
    "metadata": {"run": "7"},
    "modalities": ["text"],
    "parallel_tool_calls": True,
    "prompt_cache_key": "x",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "safety_identifier": "x",
    "service_tier": "auto",
    "store": True,
    "verbosity": "medium",
}
CHAT_REFUSED: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "moderation": {"model": "omni-moderation-latest"},
    "prediction": {"type": "content", "content": "Hello"},
    "web_search_options": {},
}
# these do more as structured output, tools and reasoning come; until then they are refused
CHAT_MORE: dict[str, Any] = {
    "function_call": {"name": "f"},
    "functions": [TOOL["function"]],
    "reasoning_effort": "low",
    "response_format": SCHEMA,
    "tool_choice": "required",
    "tools": [TOOL],
}
TEXT_WORKS: dict[str, Any] = {
    **SHARED,
    "best_of": 1,
    "echo": True,
    "logprobs": 2,
    "prompt": ["a", "b"],
    "suffix": "end",
}


def chat(fields: dict[str, Any]) -> Call:
    body = {"messages": MESSAGES, **fields}
    return chat_call(json.dumps(body).encode(), "1", SamplingDefaults())


def text(fields: dict[str, Any]) -> Call:
    body = {"prompt": "Hello", **fields}
    return completion_call(json.dumps(body).encode(), "1", SamplingDefaults())


def test_the_tables_have_every_field_of_openais_client() -> None:
    chat_fields = {*CHAT_WORKS, *CHAT_REFUSED, *CHAT_MORE, *LOGPROBS, *STREAM}
    assert chat_fields == set(ChatParams.__annotations__)
    assert {*TEXT_WORKS, *STREAM} == set(TextParams.__annotations__)


@pytest.mark.parametrize(
    ("parse", "fields"),
    [
        *((chat, {name: value}) for name, value in CHAT_WORKS.items()),
        *((text, {name: value}) for name, value in TEXT_WORKS.items()),
        *((parse, STREAM) for parse in (chat, text)),
        (chat, LOGPROBS),
    ],
)
def test_what_works_is_understood(parse: Callable[[Any], Call], fields: dict[str, Any]) -> None:
    assert parse(fields).request.id == "1"


@pytest.mark.parametrize("name", CHAT_REFUSED)
def test_what_does_not_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        chat({name: CHAT_REFUSED[name]})
    assert refused.value.param == name


@pytest.mark.parametrize("name", CHAT_MORE)
def test_what_another_part_brings_changes_the_request_or_is_refused(name: str) -> None:
    # a choice among tools needs some
    others = {"tools": [TOOL]} if name == "tool_choice" else {}
    fields = {**others, name: CHAT_MORE[name]}
    outcome = outcome_of(fields)
    assert outcome in list(fields) or outcome != outcome_of(others)


def outcome_of(fields: dict[str, Any]) -> Any:
    """What is asked of the model, or the name of the field that is refused."""
    try:
        return chat(fields).request
    except InvalidRequestError as error:
        return error.param
