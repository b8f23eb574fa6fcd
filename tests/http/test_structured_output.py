"""Answers held to a form, over HTTP."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import openai
import pytest
from jsonschema import validate
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from live import LiveServer

    Call = Callable[..., Awaitable[Any]]

MESSAGES = [{"role": "user", "content": "how do I load a model?"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "command": {"enum": ["load", "unload"]},
        "models": {"type": "array", "items": {"type": "string", "maxLength": 6}, "maxItems": 2},
    },
    "required": ["command", "models"],
    "additionalProperties": False,
}


class Order(BaseModel):
    command: str = Field(max_length=8)
    priority: int = Field(ge=0, le=9)


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{live_server.url}/v1", api_key=live_server.token, max_retries=0
    ) as client:
        yield client


def schema_format(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "order", "schema": schema}}


def test_a_client_gets_an_object_of_its_own_class(client: openai.OpenAI) -> None:
    completion = client.chat.completions.parse(
        model="guide", messages=MESSAGES, response_format=Order
    )

    assert isinstance(completion.choices[0].message.parsed, Order)


def test_a_stream_says_the_same_as_the_whole_answer(client: openai.OpenAI) -> None:
    body = {"model": "guide", "messages": MESSAGES, "seed": 3, "temperature": 1}
    form: Any = schema_format(SCHEMA)
    whole = client.chat.completions.create(**body, response_format=form)
    chunks = client.chat.completions.create(**body, response_format=form, stream=True)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert whole.choices[0].finish_reason == "stop"
    validate(json.loads(text), SCHEMA)


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ({"regex": "[0-9]{3}"}, "[0-9]{3}"),
        ({"grammar": 'root ::= "a" | "b"'}, "a|b"),
        ({"grammar": 'start: "a" | "b"'}, "a|b"),
        ({"choice": ["red", "green"]}, "red|green"),
        ({"response_format": schema_format({"type": "boolean"})}, "true|false"),
    ],
)
def test_the_fields_of_our_own_hold_on_both_routes(
    client: openai.OpenAI, form: dict[str, Any], pattern: str
) -> None:
    chat = client.chat.completions.create(model="guide", messages=MESSAGES, extra_body=form)
    text = client.completions.create(model="guide", prompt="Say it:", extra_body=form)

    assert re.fullmatch(pattern, chat.choices[0].message.content or "")
    assert re.fullmatch(pattern, text.choices[0].text)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_has_the_place_in_the_schema(call: Call, stream: bool) -> None:
    schema = {"type": "object", "properties": {"a": {"oneOf": [{}, {"type": "string"}]}}}
    body = {"model": "guide", "messages": MESSAGES, "response_format": schema_format(schema)}
    answer = await call("v1/chat/completions", {**body, "stream": stream})

    assert answer.status == 400
    assert answer.error["param"] == "response_format.json_schema.schema"
    assert "response_format.json_schema.schema#/properties/a/oneOf" in answer.error["message"]


async def test_an_engine_that_cannot_enforce_a_form_says_so(call: Call) -> None:
    body = {"model": "echo", "messages": MESSAGES, "response_format": {"type": "json_object"}}
    answer = await call("v1/chat/completions", body)

    assert answer.status == 400
    assert answer.error["param"] == "response_format"


async def test_a_schema_of_broken_text_is_a_bad_request(call: Call) -> None:
    body = json.dumps(
        {"model": "guide", "messages": MESSAGES, "response_format": schema_format({"a": "HERE"})}
    )
    answer = await call("v1/chat/completions", body.encode().replace(b"HERE", b"\xff"))

    assert answer.status == 400
