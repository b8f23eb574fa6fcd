from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jupyter_llm.chat.dialogue import Dialogue, Turn
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    GenerationRequest,
    Message,
    Tool,
    Toolbox,
    ToolChoice,
)

THEN = Tool(name="then", is_strict=True, param="tools[1].input_schema")
TOOLS = Toolbox(tools=(Tool(name="now"), THEN))
SCHEMA = Constraint(kind=ConstraintKind.JSON_SCHEMA, text='{"type":"object"}')

# Qwen 3: thinks unless it is told not to
QWEN = """{%- for t in tools or [] %}{{ t.function.name }} <tool_call> {% endfor %}
{%- for m in messages %}{{ m.role }}: {{ m.content }}
{%- for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}
{%- if '</think>' in (m.content or '') %}{% endif %}
{% endfor %}assistant:
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}"""

# R1: the template opens the tag, and knows no switch
R1 = "{{ messages[0].content.split('</think>')[-1] }} A: <think>"

# it thinks when it wants to
FREE = "{{ messages[0].content.split('</think>')[-1] }} A: "

HARMONY = "{{ messages[0].content }}<|channel|><|message|> {{ reasoning_effort }}<|start|>assistant"

# DeepSeek V3.1: does not think unless it is told to
SHY = "{{ messages[0].content }} A: {{ '<think>' if thinking else '</think>' }}"


def turn(source: str, **fields: Any) -> Turn:
    request = GenerationRequest(
        id="1", model_id="m", messages=(Message(role="user", content="Hi"),), **fields
    )
    return Dialogue(source, find_token=lambda _: None).turn(request)


def answered(turn: Turn, text: str) -> tuple[str, str]:
    assert turn.make_parser is not None
    parser = turn.make_parser()
    deltas = [delta for delta in (parser.feed(text), parser.finish()) if delta]
    return "".join(d.reasoning for d in deltas), "".join(d.text for d in deltas)


@pytest.mark.parametrize(
    ("source", "fields", "end"),
    [
        (QWEN, {}, "assistant:\n"),
        (QWEN, {"reasoning_effort": "none"}, "<think>\n\n</think>\n\n"),
        (QWEN, {"reasoning_budget": 0}, "<think>\n\n</think>\n\n"),
        (QWEN, {"template_arguments": {"enable_thinking": False}}, "<think>\n\n</think>\n\n"),
        (R1, {}, "<think>"),
        (R1, {"reasoning_effort": "none"}, "<think>\n\n</think>\n\n"),
        (FREE, {"reasoning_effort": "low"}, "A: "),
        (FREE, {"reasoning_effort": "none"}, "A: <think>\n\n</think>\n\n"),
        (HARMONY, {"reasoning_effort": "high"}, "high<|start|>assistant"),
        (HARMONY, {"reasoning_effort": "none"}, "<|channel|>final<|message|>"),
        (
            HARMONY,
            {"reasoning_effort": "none", "toolbox": TOOLS},
            "<|channel|>analysis<|message|><|end|><|start|>assistant",
        ),
        (SHY, {}, "</think>"),
        (SHY, {"reasoning_effort": "medium"}, "<think>"),
        (SHY, {"reasoning_budget": 5}, "<think>"),
    ],
)
def test_the_prompt_opens_or_closes_the_reasoning(
    source: str, fields: dict[str, Any], end: str
) -> None:
    assert turn(source, **fields).prompt.endswith(end)


def test_what_the_prompt_has_opened_the_parser_knows() -> None:
    assert answered(turn(R1), "Hm.</think>Yes.") == ("Hm.", "Yes.")
    assert answered(turn(QWEN), "<think>Hm.</think>Yes.") == ("Hm.", "Yes.")
    closed = turn(QWEN, reasoning_effort="none")
    assert answered(closed, "<think> is a tag") == ("", "<think> is a tag")


@pytest.mark.parametrize(
    ("source", "fields", "num"),
    [
        ("{{ messages }}", {}, 1),
        (QWEN, {}, 2),
        (QWEN, {"reasoning_effort": "none"}, 1),
        (R1, {}, 2),
        (R1, {"reasoning_budget": 0}, 1),
        (HARMONY, {}, 2),
        (SHY, {}, 1),
        (SHY, {"reasoning_effort": "low"}, 2),
    ],
)
def test_a_form_waits_for_the_reasoning_where_there_is_some(
    source: str, fields: dict[str, Any], num: int
) -> None:
    constraints = turn(source, constraint=SCHEMA, **fields).constraints

    assert len(constraints) == num
    assert constraints[-1] == SCHEMA


def test_tools_that_are_not_to_be_called_are_not_told() -> None:
    none = turn(QWEN, toolbox=replace(TOOLS, choice=ToolChoice.NONE))

    assert "now" not in none.prompt
    assert not none.constraints
    assert "now" in turn(QWEN, toolbox=TOOLS).prompt


def test_a_free_choice_is_held_to_a_grammar_only_for_strict_tools() -> None:
    lax = Toolbox(tools=(Tool(name="now"),))

    assert turn(FREE, toolbox=lax).constraints == ()
    assert turn(FREE, toolbox=TOOLS).constraints[-1].param == "tools"
    assert [check.param for check in turn(FREE, toolbox=TOOLS).checks] == ["tools[1].input_schema"]


def test_a_schema_that_would_cost_the_stack_is_refused_before_a_grammar_is_written() -> None:
    deep = '{"properties":{"a":' * 300 + "{}" + "}}" * 300
    schema = Constraint(kind=ConstraintKind.JSON_SCHEMA, text=deep, param="text.format.schema")

    with pytest.raises(InvalidRequestError, match="nested") as raised:
        turn(FREE, toolbox=TOOLS, constraint=schema)
    assert raised.value.param == "text.format.schema"


def test_a_form_beside_tools_is_an_alternative_to_calls() -> None:
    both = turn("{{ messages }}", toolbox=TOOLS, constraint=SCHEMA)

    (constraint,) = both.constraints
    assert constraint.kind is ConstraintKind.LARK
    assert "%json" in constraint.text
    regex = Constraint(kind=ConstraintKind.REGEX, text="a+", param="regex")
    with pytest.raises(InvalidRequestError) as caught:
        turn("{{ messages }}", toolbox=TOOLS, constraint=regex)
    assert caught.value.param == "regex"
