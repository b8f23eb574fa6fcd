from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase,
    ResponseCreateParamsNonStreaming,
)

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.responses.conversation import conversation
from jupyter_llm.handlers.wire.responses.items import Item
from jupyter_llm.handlers.wire.responses.request import ResponsesBody, asked_of, responses_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import (
    ConstraintKind,
    GenerationRequest,
    Message,
    Tool,
    ToolCall,
    ToolChoice,
)

DEFAULTS = SamplingDefaults(temperature=0.7, top_p=0.9, max_tokens_limit=4096)
TOOL = {"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": True}
OTHER = {"type": "function", "name": "now", "parameters": None, "strict": False}
CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 1}'}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "2"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": None}


def ask(**fields: Any) -> GenerationRequest:
    asked = asked_of(json.dumps({"input": "Hi", **fields}).encode())
    return responses_call(asked, (), "resp_1", DEFAULTS).request


def refused(**fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as raised:
        ask(**fields)
    return raised.value


def test_every_documented_field_is_understood_or_refused() -> None:
    documented = {
        *ResponseCreateParamsBase.__annotations__,
        *ResponseCreateParamsNonStreaming.__annotations__,
    }

    assert documented <= set(ResponsesBody.__struct_fields__)


@pytest.mark.parametrize(
    ("field", "off", "value"),
    [
        ("access_programs", [None], {"cyber": "standard"}),
        ("background", [None, False], True),
        ("background_options", [None, {}], {"expires_in": 60}),
        ("context_management", [None, []], [{"type": "compaction"}]),
        ("conversation", [None], "conv_1"),
        ("image", [None, {}], {"context_compression": "enabled"}),
        ("moderation", [None], {"model": "m"}),
        ("prompt", [None], {"id": "p"}),
        ("prompt_cache_options", [None, {"mode": "implicit"}], {"mode": "explicit"}),
        ("service_tier", [None, "auto", "default"], "priority"),
        ("truncation", [None, "disabled"], "auto"),
    ],
)
def test_what_is_not_supported_may_be_asked_for_in_no_way(
    field: str, off: list[Any], value: Any
) -> None:
    for nothing in off:
        assert ask(**{field: nothing})
    error = refused(**{field: value})
    assert error.param == field
    assert field in error.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]},
            "input[0].content[0].type",
        ),
        ({"input": [{**CALL, "arguments": "{"}]}, "input[0].arguments"),
        ({"input": [{**CALL, "arguments": "[1]"}]}, "input[0].arguments"),
        ({"input": [{**CALL, "arguments": "[" * 100_000}]}, "input[0].arguments"),
        ({"input": [CALL, {**OUTPUT, "call_id": "c2"}]}, "input[1].call_id"),
        ({"input": [{**THOUGHT, "encrypted_content": "x"}]}, "input[0].encrypted_content"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 5000}, "max_output_tokens"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"top_logprobs": 21, "include": ["message.output_text.logprobs"]}, "top_logprobs"),
        ({"include": ["file_search_call.results"]}, "include[0]"),
        ({"stream_options": {}}, "stream_options"),
        ({"metadata": {"k": "v" * 513}}, "metadata[...]"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"reasoning": {"summary": "detailed"}}, "reasoning.summary"),
        ({"reasoning": {"effort": "enormous"}}, "reasoning.effort"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [TOOL, {"type": "function", "name": "a b"}]}, "tools[1].name"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "x"}}, "tool_choice"),
        ({"keep_alive": "soon"}, "keep_alive"),
    ],
)
def test_a_value_that_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param


def test_a_text_is_one_message_of_the_user() -> None:
    assert ask().messages == (Message(role="user", content="Hi"),)


def test_sampling_is_as_asked_and_the_rest_as_the_operator_says() -> None:
    request = ask(temperature=0, max_output_tokens=7, seed=3, min_p=0.1)

    assert request.sampling.temperature == 0
    assert request.sampling.top_p == 0.9
    assert request.sampling.max_tokens == 7
    assert request.sampling.seed == 3
    assert request.sampling.min_p == 0.1
    assert request.sampling.num_top_logprobs is None


def test_logprobs_come_where_they_are_included() -> None:
    include = ["message.output_text.logprobs"]

    assert ask(include=include).sampling.num_top_logprobs == 0
    assert ask(include=include, top_logprobs=3).sampling.num_top_logprobs == 3


def test_reasoning_effort_goes_to_the_model() -> None:
    assert ask(reasoning={"effort": "high"}).reasoning_effort == "high"
    none = ask(reasoning={"effort": "none", "summary": "auto"})
    assert (none.reasoning_effort, none.reasoning_budget) == ("none", 0)


class TestForms:
    def test_of_any_text(self) -> None:
        assert ask(text={"format": {"type": "text"}}).constraint is None

    def test_of_an_object(self) -> None:
        constraint = ask(text={"format": {"type": "json_object"}}).constraint
        assert constraint is not None
        assert constraint.kind is ConstraintKind.JSON_OBJECT

    def test_of_a_schema_are_passed_on_as_they_are(self) -> None:
        schema = {"type": "object", "properties": {"b": {}, "a": {}}}
        form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
        constraint = ask(text={"format": form}).constraint
        assert constraint is not None
        assert constraint.kind is ConstraintKind.JSON_SCHEMA
        assert json.dumps(json.loads(constraint.text)) == json.dumps(schema)
        assert constraint.param == "text.format.schema"


class TestTools:
    def test_are_functions(self) -> None:
        box = ask(tools=[TOOL, OTHER], parallel_tool_calls=False).toolbox

        assert box.tools == (
            Tool(name="add", parameters='{"type": "object"}', is_strict=True),
            Tool(name="now"),
        )
        assert box.choice is ToolChoice.AUTO
        assert not box.is_parallel

    def test_may_be_forbidden_or_required(self) -> None:
        assert ask(tools=[TOOL], tool_choice="none").toolbox.choice is ToolChoice.NONE
        assert ask(tools=[TOOL], tool_choice="required").toolbox.choice is ToolChoice.REQUIRED

    def test_may_be_named(self) -> None:
        box = ask(tools=[TOOL, OTHER], tool_choice={"type": "function", "name": "now"}).toolbox

        assert (box.choice, box.name) == (ToolChoice.REQUIRED, "now")

    def test_may_be_narrowed_down(self) -> None:
        choice = {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "now"}],
        }
        box = ask(tools=[TOOL, OTHER], tool_choice=choice).toolbox

        assert [tool.name for tool in box.tools] == ["now"]
        assert (box.choice, box.name) == (ToolChoice.REQUIRED, "")


def turns(*items: Any, instructions: str | None = None) -> tuple[Message, ...]:
    return ask(input=list(items), instructions=instructions).messages or ()


class TestTheConversation:
    def test_begins_with_instructions_which_take_up_the_developers_words(self) -> None:
        found = turns(
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            instructions="Be kind.",
        )

        assert found == (
            Message(role="system", content="Be kind.\n\nBe brief."),
            Message(role="user", content="Hi"),
        )

    def test_makes_one_turn_of_what_an_assistant_thought_said_and_called(self) -> None:
        found = turns(
            {"role": "user", "content": "1+1?"},
            {**THOUGHT, "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "I add.", "annotations": []}],
            },
            CALL,
            {**CALL, "call_id": "c2", "arguments": "{}"},
            {**OUTPUT, "output": [{"type": "input_text", "text": "2"}]},
        )

        assert found == (
            Message(role="user", content="1+1?"),
            Message(
                role="assistant",
                content="I add.",
                reasoning="Hm.",
                tool_calls=(
                    ToolCall(id="c1", name="add", arguments='{"a": 1}'),
                    ToolCall(id="c2", name="add", arguments="{}"),
                ),
            ),
            Message(role="tool", content="2", name="add", tool_call_id="c1"),
        )

    def test_takes_calls_that_follow_reasoning_alone(self) -> None:
        [turn] = turns({**THOUGHT, "summary": [{"type": "summary_text", "text": "Hm."}]}, CALL)

        assert (turn.role, turn.content, turn.reasoning) == ("assistant", "", "Hm.")
        assert [call.id for call in turn.tool_calls] == ["c1"]

    def test_keeps_reasoning_that_nothing_followed(self) -> None:
        thought = {**THOUGHT, "content": [{"type": "reasoning_text", "text": "Hm."}]}
        found = turns(thought, {"role": "user", "content": "Well?"})

        assert found[0] == Message(role="assistant", content="", reasoning="Hm.")

    def test_goes_on_from_history_whose_calls_may_be_answered_now(self) -> None:
        history: tuple[Item, ...] = asked_of(json.dumps({"input": [CALL]}).encode()).items
        now = asked_of(json.dumps({"input": [OUTPUT]}).encode()).items

        assert [m.role for m in conversation("New.", history, now)] == [
            "system",
            "assistant",
            "tool",
        ]
