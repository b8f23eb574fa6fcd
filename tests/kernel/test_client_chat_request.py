"""Bodies of chat requests, as the server reads them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from jupyter_llm.client.answer_type import answer_type
from jupyter_llm.client.chat_request import chat_body
from jupyter_llm.client.work import completion
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import ConstraintKind, GenerationRequest, Message

DATA_URL = "data:image/png;base64,AAAA"


def understood(*args: Any, **options: Any) -> GenerationRequest:
    """The request as the server takes it."""
    body = json.dumps(chat_body(*args, **options)).encode()
    return chat_call(body, "id", SamplingDefaults()).request


def add(a: int, b: int) -> int:
    """The sum."""
    return a + b


@pytest.mark.parametrize(
    "messages",
    [
        "Hello",
        Message(role="user", content="Hello"),
        {"role": "user", "content": "Hello"},
        [Message(role="user", content="Hello")],
        iter([{"role": "user", "content": "Hello", "name": None}]),
    ],
)
def test_a_question_may_be_given_in_any_way(messages: Any) -> None:
    assert understood(messages).messages == (Message(role="user", content="Hello"),)


def test_options_are_those_of_the_server_and_none_is_left_out() -> None:
    request = understood(
        "Hello",
        model="guide",
        temperature=0,
        max_tokens=7,
        seed=3,
        stop=["."],
        top_k=None,
        reasoning_budget=5,
        priority=2,
    )

    assert request.model_id == "guide"
    assert request.sampling.temperature == 0
    assert request.sampling.max_tokens == 7
    assert request.sampling.seed == 3
    assert request.sampling.stop == (".",)
    assert request.reasoning_budget == 5
    assert request.priority == 2


def test_a_schema_is_enforced_and_told_to_the_model() -> None:
    request = understood("Which?", schema=list[int])
    schema = answer_type(list[int]).schema

    assert request.constraint is not None
    assert request.constraint.kind is ConstraintKind.JSON_SCHEMA
    assert json.loads(request.constraint.text) == schema
    assert request.messages is not None
    told, question = request.messages
    assert told.role == "system"
    assert told.content.endswith(json.dumps(schema, separators=(",", ":")))
    assert question.content == "Which?"


@pytest.mark.parametrize("content", ["Be kind.", [{"type": "text", "text": "Be kind."}]])
def test_the_systems_turn_is_one(content: Any) -> None:
    given = [{"role": "system", "content": content}, {"role": "user", "content": "Hello"}]
    request = understood(given, system="Be brief.")

    assert [message.role for message in request.messages or ()] == ["system", "user"]
    said = (request.messages or ())[0].content
    assert "Be kind." in said
    assert said.endswith("Be brief.")


def test_tools_are_functions_or_descriptions() -> None:
    by_hand = {"type": "function", "function": {"name": "other"}}
    request = understood("2 + 2?", tools=[add, by_hand], tool_choice="required")

    assert [tool.name for tool in request.toolbox.tools] == ["add", "other"]
    assert request.toolbox.tools[0].is_strict


def test_images_stand_before_the_last_question() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, format="PNG")
    request = understood(
        [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": ["What is ", buffer.getvalue(), "?"]},
        ],
        images=[DATA_URL],
    )
    first, _, last = request.messages or ()

    assert not first.images
    assert last.content == "What is ?"
    assert [image.offset for image in last.images] == [0, len("What is ")]


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(InvalidRequestError, match="A str is no turn"):
        chat_body(["Hello"])
    with pytest.raises(InvalidRequestError, match="Images need a question"):
        chat_body([], images=[DATA_URL])
    with pytest.raises(InvalidRequestError, match="one answer comes at a time"):
        completion("Hello", n=2)
