from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import GenerationRequest, Message, Tool, Toolbox, ToolCall, ToolChoice

MESSAGES = [{"role": "user", "content": "Hello"}]


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def called(arguments: Any, **fields: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
        ],
        **fields,
    }


def request(**fields: Any) -> GenerationRequest:
    body = json.dumps({"messages": MESSAGES, **fields}).encode()
    return chat_call(body, "chatcmpl-1", SamplingDefaults()).request


def test_tools_and_their_schemas() -> None:
    schema = {"type": "object", "properties": {"é": {"type": "string"}}}
    toolbox = request(
        tools=[function("f", description="F.", parameters=schema, strict=True), function("g-1_")],
        parallel_tool_calls=False,
    ).toolbox

    assert [(tool.name, tool.is_strict) for tool in toolbox.tools] == [("f", True), ("g-1_", False)]
    assert json.loads(toolbox.tools[0].parameters) == schema
    assert toolbox.tools[1] == Tool(name="g-1_")
    assert (toolbox.choice, toolbox.is_parallel) == (ToolChoice.AUTO, False)


@pytest.mark.parametrize(
    ("choice", "mode", "name", "names"),
    [
        ("auto", ToolChoice.AUTO, "", ["f", "g"]),
        ("none", ToolChoice.NONE, "", ["f", "g"]),
        ("required", ToolChoice.REQUIRED, "", ["f", "g"]),
        (function("g"), ToolChoice.REQUIRED, "g", ["f", "g"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [function("g")]},
            },
            ToolChoice.REQUIRED,
            "",
            ["g"],
        ),
    ],
)
def test_choices(choice: Any, mode: ToolChoice, name: str, names: list[str]) -> None:
    toolbox = request(tools=[function("f"), function("g")], tool_choice=choice).toolbox

    assert (toolbox.choice, toolbox.name) == (mode, name)
    assert [tool.name for tool in toolbox.tools] == names


def test_no_tools_is_an_empty_toolbox() -> None:
    assert request(tools=[], tool_choice="auto").toolbox == Toolbox()


def test_calls_and_results_in_the_history() -> None:
    messages = [
        *MESSAGES,
        called('{"a": 1}', reasoning_content="Hm."),
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "42"}]},
    ]

    assert request(messages=messages).messages == (
        Message(role="user", content="Hello"),
        Message(
            role="assistant",
            content="",
            reasoning="Hm.",
            tool_calls=(ToolCall(id="c1", name="f", arguments='{"a": 1}'),),
        ),
        Message(role="tool", content="42", name="f", tool_call_id="c1"),
    )


def test_reasoning_fields() -> None:
    asked = request(
        reasoning_effort="low", reasoning_budget=0, chat_template_kwargs={"a": [1, None]}
    )

    assert (asked.reasoning_effort, asked.reasoning_budget) == ("low", 0)
    assert asked.template_arguments == {"a": [1, None]}


ARGUMENTS = "messages[0].tool_calls[0].function.arguments"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": [called("{")]}, ARGUMENTS),
        ({"messages": [called("[]")]}, ARGUMENTS),
        ({"messages": [called('{"a": NaN}')]}, ARGUMENTS),
        ({"messages": [called("[" * 100_000)]}, ARGUMENTS),
        ({"messages": [called({"a": 1})]}, ARGUMENTS),
        ({"messages": [called("{}", role="user", content="x")]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "tool_call_id": "c"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": "", "tool_call_id": "c"}]},
            "messages[0].tool_call_id",
        ),
        ({"tools": [function("a b")]}, "tools[0].function.name"),
        ({"tools": [function("f"), function("f")]}, "tools[1].function.name"),
        ({"tools": [function("f", parameters=[])]}, "tools[0].function.parameters"),
        ({"tools": [function("f", parameters={"type": "string"})]}, "tools[0].function.parameters"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type"),
        ({"tools": [function(f"f{n}") for n in range(129)]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": function("f")}, "tool_choice.function.name"),
        ({"chat_template_kwargs": {"n": 2**70}}, "chat_template_kwargs"),
        ({"functions": [{"name": "f"}]}, "functions"),
    ],
)
def test_a_refusal_names_the_field(change: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        request(**change)

    assert caught.value.param == param
