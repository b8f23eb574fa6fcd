from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import OFF_VALUES, chat_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import GenerationRequest, Message, SamplingParams

MESSAGES = [{"role": "user", "content": "Hello"}]


def parse(body: Any, defaults: SamplingDefaults = SamplingDefaults()) -> Any:  # noqa: B008
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return chat_call(raw, "chatcmpl-1", defaults)


def refusal(body: Any, **defaults: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        parse(body, SamplingDefaults(**defaults))
    return caught.value


def test_the_least_that_can_be_asked() -> None:
    call = parse({"messages": MESSAGES})

    assert call.request == GenerationRequest(
        id="chatcmpl-1", model_id="", messages=(Message(role="user", content="Hello"),)
    )
    assert not call.stream
    assert not call.include_usage


def test_everything_that_can_be_asked() -> None:
    call = parse(
        {
            "model": "guide",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "name": "ada", "content": "Hello"},
                {"role": "assistant", "content": "Hi.", "refusal": None, "tool_calls": []},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "And "}, {"type": "text", "text": "you?"}],
                },
            ],
            "stream": True,
            "stream_options": {"include_usage": True, "include_obfuscation": False},
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 40,
            "min_p": 0.05,
            "seed": -7,
            "max_completion_tokens": 12,
            "stop": ["END", "\n"],
            "logprobs": True,
            "top_logprobs": 3,
            "logit_bias": {"5": -100, "6": 2.5},
            "presence_penalty": 1,
            "frequency_penalty": -1.5,
            "repeat_penalty": 1.1,
            "ignore_eos": True,
        }
    )

    assert call.stream
    assert call.include_usage
    assert call.request == GenerationRequest(
        id="chatcmpl-1",
        model_id="guide",
        messages=(
            Message(role="system", content="Be brief."),
            Message(role="user", name="ada", content="Hello"),
            Message(role="assistant", content="Hi."),
            Message(role="user", content="And you?"),
        ),
        sampling=SamplingParams(
            temperature=0,
            top_p=0.5,
            top_k=40,
            min_p=0.05,
            seed=-7,
            max_tokens=12,
            stop=("END", "\n"),
            presence_penalty=1,
            frequency_penalty=-1.5,
            repeat_penalty=1.1,
            logit_bias=((5, -100), (6, 2.5)),
            num_top_logprobs=3,
            ignore_eos=True,
        ),
    )


def test_fields_without_effect_are_accepted() -> None:
    call = parse(
        {
            "messages": MESSAGES,
            "user": "ada",
            "metadata": {"run": "7"},
            "safety_identifier": "x",
            "prompt_cache_key": "y",
            "parallel_tool_calls": True,
            "store": True,
            "service_tier": "auto",
            "prompt_cache_retention": "24h",
            "prompt_cache_options": {"mode": "implicit"},
            "verbosity": "medium",
            "n": 1,
            "tools": [],
            "tool_choice": "none",
            "response_format": {"type": "text"},
            "modalities": ["text"],
        }
    )

    assert call.request.sampling == SamplingParams()


def test_null_is_the_same_as_nothing() -> None:
    fields = ["model", "stream", "stream_options", "temperature", "max_tokens", "stop", "seed"]
    body = {"messages": MESSAGES, **dict.fromkeys([*fields, *OFF_VALUES])}

    assert parse(body) == parse({"messages": MESSAGES})


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [*MESSAGES, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "size": 1}]}, "messages[0].size"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]},
            "messages[0].tool_calls[0].id",
        ),
        ({"temperature": 3}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"max_tokens": 101}, "max_tokens"),
        ({"max_completion_tokens": 101}, "max_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": [""]}, "stop[0]"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logit_bias": {"hello": 1}}, "logit_bias"),
        ({"logit_bias": {"5": 101}}, "logit_bias[...]"),
        ({"presence_penalty": 2.1}, "presence_penalty"),
        ({"frequency_penalty": -2.1}, "frequency_penalty"),
        ({"repeat_penalty": 0}, "repeat_penalty"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"metadata": {"run": 7}}, "metadata[...]"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"x" * 65: ""}}, "metadata"),
        ({"metadata": {"x": "y" * 513}}, "metadata[...]"),
        ({"safety_identifier": 7}, "safety_identifier"),
        ({"prompt_cache_key": 7}, "prompt_cache_key"),
        ({"prompt_cache_retention": "1h"}, "prompt_cache_retention"),
        ({"prompt_cache_options": {"mode": "explicit"}}, "prompt_cache_options"),
        ({"moderation": {"model": "x"}}, "moderation"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"functions": [{}]}, "functions"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"prediction": {}}, "prediction"),
        ({"reasoning_effort": "lots"}, "reasoning_effort"),
        ({"reasoning_budget": -1}, "reasoning_budget"),
        ({"chat_template_kwargs": []}, "chat_template_kwargs"),
        ({"verbosity": "low"}, "verbosity"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"store": "yes"}, "store"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"temprature": 1}, "temprature"),
    ],
)
def test_a_refusal_names_the_field(change: dict[str, Any], param: str) -> None:
    error = refusal({"messages": MESSAGES, **change}, max_tokens_limit=100)

    assert error.param == param
    assert param.rpartition(".")[2].partition("[")[0] in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b"not json",
        b"[]",
        b'"text"',
        b'{"messages": NaN}',
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"messages":[],"tools":' + b"[" * 100_000,
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert "body" in refusal(body).message or refusal(body).param == "messages"


def test_a_refusal_of_an_unsupported_field_says_what_is_allowed() -> None:
    error = refusal({"messages": MESSAGES, "verbosity": "low"})

    assert error.message == "'verbosity' is not supported. Leave it out or send \"medium\"."


def test_several_answers_are_several_requests_with_seeds_that_count_up() -> None:
    call = parse({"messages": MESSAGES, "n": 3, "seed": 5})

    requests = call.choices.requests()
    assert [request.sampling.seed for request in requests] == [5, 6, 7]
    assert {request.messages for request in requests} == {call.request.messages}


class TestDefaults:
    DEFAULTS = SamplingDefaults(temperature=0.7, top_p=0.9, max_tokens=50, max_tokens_limit=100)

    def test_stand_in_for_what_is_not_said(self) -> None:
        sampling = parse({"messages": MESSAGES}, self.DEFAULTS).request.sampling

        assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.7, 0.9, 50)

    def test_give_way_to_what_is_said(self) -> None:
        body = {"messages": MESSAGES, "temperature": 0, "top_p": 1, "max_tokens": 100}
        sampling = parse(body, self.DEFAULTS).request.sampling

        assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0, 1, 100)

    def test_a_limit_bounds_who_asks_for_no_number(self) -> None:
        defaults = SamplingDefaults(max_tokens_limit=100)

        assert parse({"messages": MESSAGES}, defaults).request.sampling.max_tokens == 100
