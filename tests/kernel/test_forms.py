"""Answers as values: `--schema` and `--as`, of the guide, in a kernel of a real server."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, TypedDict

import pydantic
import pytest
from IPython.core.error import UsageError

from jupyter_llm.client.reply import Reply
from jupyter_llm.errors import AnswerFormatError
from jupyter_llm.kernel.form import form_of

if TYPE_CHECKING:
    from live_kernel import Cell, LiveKernel

TYPES = """
from dataclasses import dataclass
from typing import Literal
import pydantic

@dataclass
class Point:
    x: Literal[1, 2]
    y: bool

class Spot(pydantic.BaseModel):
    x: Literal[1, 2]
    y: bool

schema = {"type": "object", "properties": {"x": {"enum": [1, 2]}}, "required": ["x"],
          "additionalProperties": False}
labels = ["good", "bad"]
"""


@dataclasses.dataclass
class Point:
    x: int
    y: bool


class Spot(pydantic.BaseModel):
    x: int
    y: bool


class Place(TypedDict):
    x: int
    y: bool


def reply(value: Any) -> Reply:
    return Reply(text=json.dumps(value), finish_reason="stop")


@pytest.mark.parametrize(
    ("schema", "name"),
    [("Point", "Point"), ("Spot", "Spot"), ("schema", "dict"), ("labels", "str"), ("bool", "bool")],
)
def test_an_answer_is_of_the_type_that_was_asked_for(
    guide_kernel: LiveKernel, schema: str, name: str
) -> None:
    guide_kernel.ok(TYPES)
    cell = guide_kernel.ok(f"%%llm -m guide --schema {schema} -o found\nWhere is it?")
    assert guide_kernel.ok("print(type(found).__name__)").printed == f"{name}\n"
    assert guide_kernel.ok("print(repr(found))").printed.strip() == result_of(cell)


def result_of(cell: Cell) -> str:
    (result,) = [output for output in cell.outputs if output.output_type == "execute_result"]
    return str(result.data["text/plain"])


def test_the_value_stands_in_the_place_of_its_json(guide_kernel: LiveKernel) -> None:
    guide_kernel.ok(TYPES)
    cell = guide_kernel.ok("%%llm -m guide --schema Point\nWhere is it?")
    assert result_of(cell).startswith("Point(x=")
    assert cell.markdown.startswith("<small")
    assert '"x"' in cell.displays[0].data["text/plain"]
    assert cell.facts["finish_reason"] == "stop"
    assert guide_kernel.ok("print(_.x in {1, 2})").printed == "True\n"


def test_a_schema_may_be_typed_on_the_line(guide_kernel: LiveKernel) -> None:
    guide_kernel.ok(TYPES)
    cell = guide_kernel.ok("%%llm -m guide --schema \"Literal['yes', 'no']\"\nIs it?")
    assert result_of(cell) in {"'yes'", "'no'"}
    cell = guide_kernel.ok("%%llm -m guide --schema '{\"const\": 7}'\nHow many?")
    assert result_of(cell) == "7"


def test_a_table_of_rows(guide_kernel: LiveKernel) -> None:
    guide_kernel.ok(TYPES)
    guide_kernel.ok("rows = {'type': 'array', 'items': schema, 'minItems': 2, 'maxItems': 2}")
    cell = guide_kernel.ok("%%llm -m guide --as DataFrame --schema rows -o table\nWhich?")
    (result,) = [output for output in cell.outputs if output.output_type == "execute_result"]
    assert "<table" in result.data["text/html"]
    assert guide_kernel.ok("print(list(table.columns), len(table))").printed == "['x'] 2\n"


def test_what_is_not_whole_raises_and_leaves_its_text(guide_kernel: LiveKernel) -> None:
    cell = guide_kernel.run("%%llm -m guide --as list --max-tokens 3 -o words\nWhich?")
    assert cell.error is not None
    assert cell.error.ename == "AnswerFormatError"
    assert "--max-tokens" in cell.error.traceback[1]
    assert cell.markdown.startswith("```json\n[")
    assert guide_kernel.run("words").reply["ename"] == "NameError"


def test_code_comes_without_fences(guide_kernel: LiveKernel) -> None:
    guide_kernel.ok("fence = '`' * 3")
    guide_kernel.ok("%%llm -m echo --as code -o code\nSee:\n{fence}python\nx = 1\n{fence}")
    assert guide_kernel.ok("print(code)").printed == "x = 1\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--schema nobody", "--schema names 'nobody'"),
        ("--schema fence --as code", "--as code goes without"),
        ("--as poem", "choose from"),
        ("--schema 7", "Give a pydantic model"),
    ],
)
def test_a_form_that_there_is_not_is_refused(
    guide_kernel: LiveKernel, line: str, message: str
) -> None:
    guide_kernel.ok("fence = '`' * 3")
    cell = guide_kernel.run(f"%%llm -m guide {line}\nHello")
    assert cell.reply["status"] == "error"
    assert message in cell.reply["evalue"]


@pytest.mark.parametrize("kind", [Point, Spot, Place])
def test_rows_of_any_kind_make_columns(kind: type) -> None:
    rows = [{"x": 1, "y": True}, {"x": 2, "y": False}]
    for schema in (kind, list[kind]):  # type: ignore[valid-type]
        table = form_of("DataFrame", schema).value(reply(rows))
        assert table.to_dict("records") == rows


def test_rows_without_fields_are_values() -> None:
    table = form_of("DataFrame", int).value(reply([1, 2]))
    assert table.to_dict("records") == [{"value": 1}, {"value": 2}]


def test_lists_of_what_was_asked_for() -> None:
    assert form_of("list").value(reply(["a"])) == ["a"]
    assert form_of("list", Point).value(reply([{"x": 1, "y": True}])) == [Point(x=1, y=True)]
    assert form_of("list", ["good", "bad"]).value(reply(["bad"])) == ["bad"]
    shared = {
        "$defs": {"n": {"type": "integer"}},
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/n"}},
    }
    wanted = form_of("list", shared).wanted
    assert wanted is not None
    assert wanted.schema["$defs"] == shared["$defs"]
    assert "$defs" not in wanted.schema["items"]


def test_json_stays_json() -> None:
    form = form_of("json", Point)
    assert form.value(reply({"x": 1, "y": True})) == {"x": 1, "y": True}
    assert form.wanted is not None
    assert form.wanted.schema["required"] == ["x", "y"]
    assert form_of("json").wanted is not None


def test_code_has_no_schema() -> None:
    with pytest.raises(UsageError, match="--as code"):
        form_of("code", Point)


def test_what_breaks_off_is_no_value() -> None:
    with pytest.raises(AnswerFormatError):
        form_of("list").value(Reply(text='["a', finish_reason="length"))
