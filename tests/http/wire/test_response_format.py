from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.completion_request import completion_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import Constraint

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}
NAMED = {"name": "thing", "schema": SCHEMA, "strict": True, "description": "A thing."}


def constraint(**fields: Any) -> Constraint | None:
    """What both routes make of the same fields."""
    chat = {"messages": [{"role": "user", "content": "Hello"}], **fields}
    of_chat = chat_call(json.dumps(chat).encode(), "1", SamplingDefaults())
    of_text = completion_call(
        json.dumps({"prompt": "Hello", **fields}).encode(), "1", SamplingDefaults()
    )
    assert of_chat.request.constraint == of_text.request.constraint
    return of_chat.request.constraint


def refused(**fields: Any) -> str | None:
    with pytest.raises(InvalidRequestError) as caught:
        constraint(**fields)
    return caught.value.param


def test_without_a_word_about_it_an_answer_has_any_form() -> None:
    assert constraint() is None
    assert constraint(response_format={"type": "text"}) is None
    assert constraint(response_format=None, regex=None, grammar=None, choice=None) is None


def test_a_schema_keeps_the_order_of_its_keys() -> None:
    given = constraint(response_format={"type": "json_schema", "json_schema": NAMED})

    assert given is not None
    assert given.kind == "json_schema"
    assert given.param == "response_format.json_schema.schema"
    assert list(json.loads(given.text)["properties"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("fields", "kind", "text", "param"),
    [
        ({"response_format": {"type": "json_object"}}, "json_object", "", "response_format"),
        ({"regex": "a+"}, "regex", "a+", "regex"),
        ({"grammar": 'start: "a"'}, "lark", 'start: "a"', "grammar"),
        ({"grammar": 'root ::= "a"'}, "gbnf", 'root ::= "a"', "grammar"),
        ({"grammar": {"syntax": "lark", "definition": "x"}}, "lark", "x", "grammar"),
        ({"grammar": {"syntax": "gbnf", "definition": "x"}}, "gbnf", "x", "grammar"),
        ({"grammar": {"syntax": "regex", "definition": "x"}}, "regex", "x", "grammar"),
        ({"choice": ["é", "n"]}, "choice", '["é","n"]', "choice"),
    ],
)
def test_each_field_is_a_constraint(
    fields: dict[str, Any], kind: str, text: str, param: str
) -> None:
    given = constraint(**fields)

    assert given is not None
    assert (given.kind, given.text, given.param) == (kind, text, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object", "schema": {}}}, "response_format.schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
            "response_format.json_schema.name",
        ),
        ({"regex": ""}, "regex"),
        ({"grammar": 3}, "grammar"),
        ({"grammar": {"syntax": "ebnf", "definition": "x"}}, "grammar.syntax"),
        ({"choice": []}, "choice"),
        ({"choice": ["a", 1]}, "choice[1]"),
        ({"regex": "a", "choice": ["a"]}, "choice"),
        (
            {"regex": "a", "response_format": {"type": "json_schema", "json_schema": NAMED}},
            "regex",
        ),
    ],
)
def test_what_is_no_form_or_more_than_one_is_refused(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields) == param
