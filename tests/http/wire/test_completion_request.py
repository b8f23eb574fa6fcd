from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.completion_request import completion_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults


def parse(body: Any) -> Any:
    return completion_call(json.dumps(body).encode(), "cmpl-1", SamplingDefaults())


@pytest.mark.parametrize(
    ("prompt", "text", "tokens"),
    [
        ("Hello", "Hello", None),
        ("", "", None),
        (["Hello"], "Hello", None),
        ([1, 2, 3], None, (1, 2, 3)),
        ([[1, 2, 3]], None, (1, 2, 3)),
    ],
)
def test_a_prompt_is_text_or_tokens(
    prompt: Any, text: str | None, tokens: tuple[int, ...] | None
) -> None:
    request = parse({"prompt": prompt}).request

    assert request.prompt == text
    assert request.prompt_tokens == tokens
    assert request.messages is None


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (["a", "b"], [("a", None), ("b", None)]),
        ([[1], [2, 3]], [(None, (1,)), (None, (2, 3))]),
        (["a", [2]], [("a", None), (None, (2,))]),
    ],
)
def test_each_of_several_prompts_is_a_request(prompt: Any, found: Any) -> None:
    call = parse({"prompt": prompt, "n": 2})

    prompts = call.choices.prompts
    assert [(request.prompt, request.prompt_tokens) for request in prompts] == found
    assert len(call.choices.requests()) == 2 * len(found)


def test_a_prompt_alone_may_be_scored() -> None:
    request = parse({"prompt": "x", "echo": True, "logprobs": 1, "max_tokens": 0}).request

    assert (request.echo, request.sampling.max_tokens) == (True, 0)


def test_fields_of_completions_alone_are_understood() -> None:
    assert parse({"prompt": "x", "echo": True}).request.echo
    request = parse({"prompt": "x", "logprobs": 0, "max_tokens": 3}).request

    assert request.sampling.num_top_logprobs == 0
    assert request.sampling.max_tokens == 3


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": ["a"] * 129}, "prompt"),
        ({"prompt": ["a"] * 65, "n": 2}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [-1]}, "prompt[0]"),
        ({"prompt": 7}, "prompt"),
        ({"n": 129}, "n"),
        ({"best_of": 129}, "best_of"),
        ({"best_of": 2, "n": 3}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"suffix": 7}, "suffix"),
        ({"suffix": "end", "echo": True}, "echo"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"logprobs": True}, "logprobs"),
        ({"logprobs": 21}, "logprobs"),
        ({"messages": []}, "messages"),
        ({"max_completion_tokens": 5}, "max_completion_tokens"),
    ],
)
def test_a_refusal_names_the_field(change: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse({"prompt": "Hello", **change})

    assert caught.value.param == param


def test_a_body_without_a_prompt_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="'prompt' is required"):
        parse({"model": "echo"})
