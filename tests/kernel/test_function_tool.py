"""Python functions as tools."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic
import pytest
from llguidance import LLMatcher

from jupyter_llm.client.function_tool import function_tool, function_tools
from jupyter_llm.client.messages import message_body
from jupyter_llm.client.tool_results import MAX_RESULT_CHARS
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Place:
    name: str
    height_m: float = 0.0


class Trip(pydantic.BaseModel):
    to: Place
    days: int = pydantic.Field(ge=1)


def google(city: str, unit: Literal["C", "F"] = "C", days: list[int] | None = None) -> str:
    """The weather in a city.

    Measured, not guessed.

    Args:
        city: As on the map,
            in any language.
        unit (str): Of the temperature.
        days: Which ones.

    Returns:
        A sentence.
    """
    return f"{city} {unit} {days}"


def numpy(city: str, unit: Literal["C", "F"] = "C", days: list[int] | None = None) -> str:
    """The weather in a city.

    Measured, not guessed.

    Parameters
    ----------
    city : str
        As on the map,
        in any language.
    unit
        Of the temperature.
    days
        Which ones.
    """
    return google(city, unit, days)


def rest(city: str, unit: Literal["C", "F"] = "C", days: list[int] | None = None) -> str:
    """The weather in a city.

    Measured, not guessed.

    :param city: As on the map,
        in any language.
    :param str unit: Of the temperature.
    :param days: Which ones.
    :returns: A sentence.
    """
    return google(city, unit, days)


@pytest.mark.parametrize("function", [google, numpy, rest])
def test_a_function_describes_itself(function: Callable[..., Any]) -> None:
    definition = function_tool(function).definition()

    assert definition == {
        "type": "function",
        "function": {
            "name": function.__name__,
            "description": "The weather in a city.\n\nMeasured, not guessed.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "As on the map,\nin any language."},
                    "unit": {
                        "enum": ["C", "F"],
                        "default": "C",
                        "description": "Of the temperature.",
                    },
                    "days": {
                        "anyOf": [
                            {"type": "array", "items": {"type": "integer"}},
                            {"type": "null"},
                        ],
                        "default": None,
                        "description": "Which ones.",
                    },
                },
                "required": ["city"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }


def plan(
    trip: Trip,
    start: dt.date,
    stops: Annotated[list[Place], "on the way"],
    *more: str,
    budget=1.5,  # noqa: ANN001
    note=None,  # noqa: ANN001
    **others: Any,
) -> dict[str, Any]:
    return {"trip": trip, "start": start, "stops": stops, "budget": budget, "note": note}


def test_arguments_become_what_the_annotations_say() -> None:
    tool = function_tool(plan)
    planned = tool.call(
        '{"trip": {"to": {"name": "Bern"}, "days": 2}, "start": "2026-01-02", '
        '"stops": [{"name": "Thun", "height_m": 560}]}'
    )

    assert planned["trip"] == Trip(to=Place("Bern"), days=2)
    assert planned["start"] == dt.date(2026, 1, 2)
    assert planned["stops"] == [Place("Thun", 560)]
    assert planned["budget"] == 1.5
    assert set(tool.schema["properties"]) == {"trip", "start", "stops", "budget", "note"}
    assert tool.schema["properties"]["stops"]["description"] == "on the way"
    assert tool.schema["properties"]["budget"] == {"type": "number", "default": 1.5}
    assert tool.schema["properties"]["note"] == {"default": None}
    assert not LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(tool.schema))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{", "the arguments are no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "the argument 'city' is missing"),
        ('{"city": "Bern", "town": 1}', "it has no argument 'town'"),
        ('{"city": 3}', "the argument 'city' does not fit: Expected `str`, got `int`"),
        ('{"city": "Bern", "unit": "K"}', "the argument 'unit' does not fit"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_call(arguments: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match="google cannot be called") as refused:
        function_tool(google).call(arguments)
    assert said in refused.value.message


async def later(city: str) -> str:
    """The weather, later."""
    return f"{city}, later"


async def test_a_coroutine_is_called_with_and_without_a_loop() -> None:
    tool = function_tool(later)

    assert tool.call('{"city": "Bern"}') == "Bern, later"  # as in a notebook, whose loop runs
    assert await tool.acall('{"city": "Bern"}') == "Bern, later"
    assert await function_tool(google).acall('{"city": "Bern"}') == "Bern C None"


class Calculator:
    def add(self, a: int, b: int) -> int:
        """The sum."""
        return a + b

    def __call__(self, a: int) -> int:
        """The square."""
        return a * a


@wraps(google)
def logged(*args: Any, **kwargs: Any) -> str:
    return google(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "name", "description", "arguments", "result"),
    [
        (Calculator().add, "add", "The sum.", {"a": 1, "b": 2}, 3),
        (Calculator(), "Calculator", "The square.", {"a": 3}, 9),
        (partial(Calculator().add, b=5), "add", "The sum.", {"a": 1}, 6),
        (logged, "google", "The weather in a city.", {"city": "Bern"}, "Bern C None"),
    ],
)
def test_whatever_is_called_like_a_function_will_do(
    function: Callable[..., Any],
    name: str,
    description: str,
    arguments: dict[str, Any],
    result: Any,
) -> None:
    tool = function_tool(function)

    assert tool.name == name
    assert tool.description.startswith(description)
    assert tool.call(json.dumps(arguments)) == result


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ("text", "text"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (Place("Bern"), '{"name":"Bern","height_m":0.0}'),
        (Trip(to=Place("Bern"), days=1), '{"to":{"name":"Bern","height_m":0.0},"days":1}'),
        ({1j}, '["1j"]'),
        (
            "x" * (MAX_RESULT_CHARS + 1),
            "x" * MAX_RESULT_CHARS + "… (cut: 20000 of 20001 characters)",
        ),
    ],
)
def test_a_result_is_told_to_the_model(result: Any, content: str) -> None:
    def give() -> Any:
        return result

    message = function_tool(give).answer(ToolCall(id="call_1", name="give", arguments=""))

    assert message_body(message) == {
        "role": "tool",
        "content": content,
        "name": "give",
        "tool_call_id": "call_1",
    }


async def test_an_error_is_told_to_the_model() -> None:
    def fail(a: int) -> None:
        raise LookupError(f"no {a}")

    tool, call = function_tool(fail), ToolCall(id="call_1", name="fail", arguments='{"a": 1}')
    assert tool.answer(call).content == "Error: LookupError('no 1')"
    assert (await tool.aanswer(call)).content == "Error: LookupError('no 1')"
    wrong = ToolCall(id="call_2", name="fail", arguments="{}")
    assert (
        tool.answer(wrong).content == "Error: fail cannot be called: the argument 'a' is missing."
    )


def test_what_cannot_be_a_tool_is_refused() -> None:
    def opaque(sink: Calculator) -> None: ...

    def positional(a: int, /) -> None: ...

    def unknown(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037

    for function, said in (
        (opaque, "has no JSON Schema"),
        (positional, "by position only"),
        (unknown, "Nowhere"),
        (3, "cannot be a tool"),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            function_tool(function)  # type: ignore[arg-type]  # one is a number on purpose
    with pytest.raises(InvalidRequestError, match="Two tools are called 'google'"):
        function_tools([google, logged])
    assert list(function_tools([google, later])) == ["google", "later"]
