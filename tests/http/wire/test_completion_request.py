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
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [[1], [2]]}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [-1]}, "prompt[0]"),
        ({"prompt": 7}, "prompt"),
        ({"n": 2}, "n"),
        ({"best_of": 2}, "best_of"),
        ({"suffix": "end"}, "suffix"),
        ({"logprobs": True}, "logprobs"),
        ({"logprobs": 1, "echo": True}, "logprobs"),
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
