"""Requests of ours in the words of OpenAI's API, for services of each dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from jupyter_llm.engines.remote.request import body_of, route_of
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    GenerationRequest,
    Image,
    Message,
    SamplingParams,
    Tool,
    Toolbox,
    ToolCall,
    ToolChoice,
)

PIXEL = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"


def chat(*messages: Message, **more: Any) -> GenerationRequest:
    said = messages or (Message(role="user", content="Hello"),)
    return GenerationRequest(id="1", model_id="ours", messages=said, **more)


def sent(request: GenerationRequest, dialect: Any = "openai") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(body_of(request, "theirs", dialect))
    assert body.pop("model") == "theirs"
    assert body.pop("stream") is True
    assert body.pop("stream_options") == {"include_usage": True}
    return body


def test_what_nobody_asked_for_is_not_sent() -> None:
    assert sent(chat(sampling=SamplingParams(top_k=40))) == {
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 1.0,
        "top_p": 1.0,
    }


def test_sampling_is_sent() -> None:
    sampling = SamplingParams(
        temperature=0.5,
        seed=7,
        max_tokens=9,
        stop=("a",),
        presence_penalty=1.0,
        frequency_penalty=-1.0,
        logit_bias=((3, 1.5),),
        num_top_logprobs=2,
    )
    body = sent(chat(sampling=sampling, reasoning_effort="low"))
    assert body["stop"] == ["a"]
    assert body["logit_bias"] == {"3": 1.5}
    assert (body["logprobs"], body["top_logprobs"], body["seed"]) == (True, 2, 7)
    assert (body["max_tokens"], body["reasoning_effort"]) == (9, "low")


def test_a_conversation_with_calls_and_images_is_sent_whole() -> None:
    image = Image(param="x", offset=5, data=PIXEL)
    call = ToolCall(id="c1", name="add", arguments="{}")
    body = sent(
        chat(
            Message(role="user", content="Look at it", images=(image,)),
            Message(role="assistant", content="", tool_calls=(call,)),
            Message(role="tool", content="4", tool_call_id="c1", name="add"),
        )
    )
    look, asked, told = body["messages"]
    assert [part["type"] for part in look["content"]] == ["text", "image_url", "text"]
    assert look["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert asked["content"] is None
    assert asked["tool_calls"][0]["function"] == {"name": "add", "arguments": "{}"}
    assert told == {"role": "tool", "content": "4", "tool_call_id": "c1"}


@pytest.mark.parametrize(
    ("choice", "name", "expected"),
    [
        (ToolChoice.AUTO, "", "auto"),
        (ToolChoice.NONE, "", "none"),
        (ToolChoice.REQUIRED, "", "required"),
        (ToolChoice.REQUIRED, "add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_tools_are_sent(choice: ToolChoice, name: str, expected: Any) -> None:
    tool = Tool(name="add", description="Sum.", parameters='{"type":"object"}', is_strict=True)
    toolbox = Toolbox(tools=(tool,), choice=choice, name=name, is_parallel=False)
    body = sent(chat(toolbox=toolbox))
    assert body["tool_choice"] == expected
    assert body["parallel_tool_calls"] is False
    assert body["tools"][0]["function"] == {
        "name": "add",
        "description": "Sum.",
        "parameters": {"type": "object"},
        "strict": True,
    }


def test_a_prompt_is_a_completion() -> None:
    request = GenerationRequest(id="1", model_id="ours", prompt="a", suffix="b", echo=True)
    request = replace(request, sampling=SamplingParams(num_top_logprobs=1))
    body = sent(request)
    assert route_of(request) == "completions"
    assert (body["prompt"], body["suffix"], body["echo"], body["logprobs"]) == ("a", "b", True, 1)
    tokens = GenerationRequest(id="1", model_id="ours", prompt_tokens=(1, 2))
    assert sent(tokens)["prompt"] == [1, 2]


FORMS = [
    (ConstraintKind.JSON_OBJECT, "", {"response_format": {"type": "json_object"}}, None),
    (ConstraintKind.REGEX, "a+", {"regex": "a+"}, {"structured_outputs": {"regex": "a+"}}),
    (
        ConstraintKind.CHOICE,
        '["a"]',
        {"choice": ["a"]},
        {"structured_outputs": {"choice": ["a"]}},
    ),
    (
        ConstraintKind.LARK,
        'start: "a"',
        {"grammar": {"syntax": "lark", "definition": 'start: "a"'}},
        {"structured_outputs": {"grammar": 'start: "a"'}},
    ),
]


@pytest.mark.parametrize(("kind", "text", "ours", "vllms"), FORMS)
def test_a_form_is_asked_for_in_the_words_of_the_service(
    kind: ConstraintKind, text: str, ours: dict[str, Any], vllms: dict[str, Any] | None
) -> None:
    request = chat(constraint=Constraint(kind=kind, text=text, param="form"))
    assert ours.items() <= sent(request, "jupyter-llm").items()
    assert (vllms or ours).items() <= sent(request, "vllm").items()
    if vllms is not None:
        with pytest.raises(InvalidRequestError) as refused:
            sent(request)
        assert refused.value.param == "form"


def test_a_schema_is_enforced_by_every_service() -> None:
    schema = Constraint(kind=ConstraintKind.JSON_SCHEMA, text='{"type":"integer"}')
    asked = sent(chat(constraint=schema))["response_format"]["json_schema"]
    assert asked == {"name": "answer", "schema": {"type": "integer"}, "strict": True}


@pytest.mark.parametrize(
    ("param", "value", "vllms"),
    [
        ("min_p", 0.1, "min_p"),
        ("repeat_penalty", 1.5, "repetition_penalty"),
        ("ignore_eos", True, "ignore_eos"),
        ("top_k", 5, "top_k"),
    ],
)
def test_what_openais_api_has_no_word_for(param: str, value: Any, vllms: str) -> None:
    request = chat(sampling=SamplingParams(**{param: value}))
    assert sent(request, "jupyter-llm")[param] == value
    assert sent(request, "vllm")[vllms] == value
    if param == "top_k":
        assert "top_k" not in sent(request)
        return
    with pytest.raises(InvalidRequestError) as refused:
        sent(request)
    assert refused.value.param == param


def test_arguments_of_a_template_are_for_services_that_have_one() -> None:
    request = chat(template_arguments={"a": 1}, reasoning_budget=5)
    body = sent(request, "jupyter-llm")
    assert (body["chat_template_kwargs"], body["reasoning_budget"]) == ({"a": 1}, 5)
    with pytest.raises(InvalidRequestError) as refused:
        sent(request)
    assert refused.value.param == "reasoning_budget"
