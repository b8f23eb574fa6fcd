"""JSON Schemas of Python types, and typed values from answers."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

import msgspec
import pydantic
import pytest
from llguidance import LLMatcher

from jupyter_llm.client.answer_type import answer_type
from jupyter_llm.errors import AnswerFormatError, InvalidRequestError


@dataclass
class Place:
    """Somewhere."""

    name: str
    height_m: Annotated[float, msgspec.Meta(description="above the sea")] = 0.0


@dataclass
class Tree:
    name: str
    children: list[Tree] = field(default_factory=list)
    parent: Optional[Tree] = None  # noqa: UP045  # as many write it


class Entry(TypedDict):
    title: str
    price: NotRequired[decimal.Decimal]


class Keywords(TypedDict):
    default: int
    uniqueItems: bool
    enum: str


class Plain: ...


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str = pydantic.Field(description="as on the passport")
    age: int = pydantic.Field(ge=0)
    languages: set[str] = set()


@pydantic.dataclasses.dataclass
class Checked:
    even: int

    @pydantic.field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


@dataclass
class Group:
    leader: Person


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


VALUES: list[tuple[Any, str, Any]] = [
    (Place, '{"name": "Bern", "height_m": 540}', Place("Bern", 540)),
    (Tree, '{"name": "a", "children": [{"name": "b"}]}', Tree("a", [Tree("b")])),
    (Entry, '{"title": "x", "price": "1.50"}', {"title": "x", "price": decimal.Decimal("1.50")}),
    (
        Person,
        '{"name": "Ada", "age": 36, "languages": ["en", "en"]}',
        Person(name="Ada", age=36, languages={"en"}),
    ),
    (list[Person], '[{"name": "Ada", "age": 36}]', [Person(name="Ada", age=36)]),
    (Group, '{"leader": {"name": "Ada", "age": 36}}', Group(Person(name="Ada", age=36))),
    (Checked, '{"even": 2}', Checked(even=2)),
    (list[str], '["a", "b"]', ["a", "b"]),
    (Literal["yes", "no"], '"no"', "no"),
    (["yes", "no"], '"yes"', "yes"),
    (Colour, '"blue"', Colour.BLUE),
    (int, "3", 3),
    (bool, "true", True),
    (str, '"text"', "text"),
    (dt.date, '"2026-01-02"', dt.date(2026, 1, 2)),
    (dict[int, float], '{"1": 2.5}', {1: 2.5}),
    (str | None, "null", None),
    ({"type": "object", "properties": {"a": {"type": "integer"}}}, '{"a": 1}', {"a": 1}),
    ('{"type": "array"}', "[1]", [1]),
]


@pytest.mark.parametrize(("kind", "text", "value"), VALUES)
def test_text_becomes_a_value_of_the_type(kind: Any, text: str, value: Any) -> None:
    read = answer_type(kind).read(text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("kind", [kind for kind, _, _ in VALUES])
def test_what_a_type_asks_for_can_be_enforced(kind: Any) -> None:
    wanted = answer_type(kind)

    assert not LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(wanted.schema))
    body = wanted.response_format()["json_schema"]
    assert body["name"].replace("_", "").replace("-", "").isalnum()
    assert json.loads(json.dumps(body["schema"])) == body["schema"]


def test_a_class_gives_its_schema_with_what_it_says_of_itself() -> None:
    place = answer_type(Place)

    assert place.name == "Place"
    assert place.fields == ("name", "height_m")
    assert place.schema == {
        "title": "Place",
        "description": "Somewhere.",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "height_m": {"type": "number", "description": "above the sea", "default": 0.0},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    person = answer_type(Person).schema
    assert person["properties"]["name"]["description"] == "as on the passport"
    assert person["additionalProperties"] is False


def test_a_type_that_holds_itself_keeps_its_definition() -> None:
    schema = answer_type(Tree).schema

    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["additionalProperties"] is False


def test_a_field_may_have_the_name_of_a_keyword() -> None:
    schema = answer_type(Keywords).schema

    assert schema["required"] == ["default", "enum", "uniqueItems"]
    assert set(schema["properties"]) == {"default", "enum", "uniqueItems"}


def test_a_schema_that_somebody_wrote_is_left_as_it_is() -> None:
    schema = {"title": "My answer!", "type": "array", "uniqueItems": True}

    assert answer_type(schema).schema == schema
    assert answer_type(schema).name == "My_answer"
    assert answer_type(json.dumps(schema)).schema == schema


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (Place, '{"name": "Bern"', "truncated"),
        (Place, '{"name": 3}', "Expected `str`, got `int` - at `$.name`"),
        (Person, '{"name": "Ada", "age": -1}', "greater than or equal to 0"),
        (Checked, '{"even": 3}', "odd"),
        (["yes", "no"], '"perhaps"', "Invalid enum value 'perhaps'"),
    ],
)
def test_what_does_not_fit_is_said(kind: Any, text: str, said: str) -> None:
    with pytest.raises(AnswerFormatError, match=r"The answer is not a valid") as refused:
        answer_type(kind).read(text)
    assert said in refused.value.message
    assert repr(text) in refused.value.message


@pytest.mark.parametrize("kind", [Plain, "name, age", "[1]", lambda: 1, 3, [1, 2]])
def test_what_has_no_schema_is_refused_with_advice(kind: Any) -> None:
    with pytest.raises(InvalidRequestError, match="Give a pydantic model, a dataclass") as refused:
        answer_type(kind)
    assert refused.value.param == "schema"
