from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.messages.request import (
    MessagesBody,
    PromptBody,
    messages_call,
    prompt_request,
)
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
HI = {"role": "user", "content": "Hi"}
TOOL = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}
USE = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "2"}

# the parameters of Anthropic's `messages.create` and `messages.count_tokens`; its package is
# none of ours
CREATE = {
    *("max_tokens", "messages", "model", "cache_control", "container", "diagnostics"),
    *("inference_geo", "metadata", "output_config", "service_tier", "speed", "stop_sequences"),
    *("system", "thinking", "tool_choice", "tools", "user_profile_id", "workspace_id", "stream"),
    *("temperature", "top_k", "top_p"),
}
COUNT = {
    *("messages", "model", "cache_control", "output_config", "speed", "system", "thinking"),
    *("tool_choice", "tools", "user_profile_id", "workspace_id"),
}


def ask(**fields: Any) -> GenerationRequest:
    body = {"max_tokens": 9, "messages": [HI], **fields}
    return messages_call(json.dumps(body).encode(), "msg_1", DEFAULTS).request


def refused(**fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as raised:
        ask(**fields)
    return raised.value


def turns(*messages: dict[str, Any], **fields: Any) -> tuple[Message, ...]:
    return ask(messages=list(messages), **fields).messages or ()


def test_every_documented_field_is_understood_or_refused() -> None:
    assert set(MessagesBody.__struct_fields__) >= CREATE
    assert set(PromptBody.__struct_fields__) == COUNT


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5000}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role"),
        (
            {"messages": [HI, {"role": "assistant", "content": "I am"}]},
            "messages[1].role",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            "messages[0].content[0].source.type",
        ),
        ({"messages": [{"role": "user", "content": [USE]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [RESULT]}]},
            "messages[0].content[0].tool_use_id",
        ),
        ({"temperature": 1.5}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"thinking": {"type": "enabled", "budget_tokens": 3}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "max_tokens"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        ({"tools": [{"type": "web_search_20250305", "name": "x"}]}, "tools[0].type"),
        ({"tools": [TOOL, {"name": "x"}]}, "tools[1].input_schema"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "auto", "name": "add"}}, "tool_choice.name"),
        ({"container": "x"}, "container"),
        ({"diagnostics": {"previous_message_id": "msg_0"}}, "diagnostics"),
        ({"inference_geo": "eu"}, "inference_geo"),
        ({"speed": "fast"}, "speed"),
        ({"user_profile_id": "x"}, "user_profile_id"),
        ({"workspace_id": "x"}, "workspace_id"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"system": [{"text": "Be kind."}]}, "system[0].type"),
    ],
)
def test_a_value_that_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param


def test_what_may_be_sent_without_effect_is_accepted() -> None:
    assert ask(
        cache_control={"type": "ephemeral"},
        metadata={"user_id": "x"},
        service_tier="auto",
        speed="standard",
        diagnostics=None,
        thinking={"type": "adaptive", "display": "summarized"},
    )


def test_sampling_is_as_asked_and_the_rest_as_the_operator_says() -> None:
    sampling = ask(top_k=3, stop_sequences=["a", "b", "c", "d", "e"], seed=1).sampling

    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.7, 0.9, 3)
    assert sampling.stop == ("a", "b", "c", "d", "e")
    assert (sampling.max_tokens, sampling.seed) == (9, 1)


def test_the_system_comes_first() -> None:
    blocks = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]

    assert turns(HI, system="Be kind.")[0] == Message(role="system", content="Be kind.")
    assert turns(HI, system=[*blocks, *blocks])[0].content == "Be brief.\nBe brief."


def test_messages_of_one_role_are_one_turn() -> None:
    assert turns(HI, {"role": "user", "content": [{"type": "text", "text": "there"}]}) == (
        Message(role="user", content="Hi\nthere"),
    )


def test_a_turn_has_what_was_thought_said_and_called_and_results_are_turns() -> None:
    found = turns(
        HI,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "text", "text": "I add."},
                USE,
                {**USE, "id": "t2", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                RESULT,
                {"type": "tool_result", "tool_use_id": "t2", "content": "no", "is_error": True},
                {"type": "text", "text": "Well?"},
            ],
        },
    )

    assert found[1:] == (
        Message(
            role="assistant",
            content="I add.",
            reasoning="Hm.",
            tool_calls=(
                ToolCall(id="t1", name="add", arguments='{"a":1}'),
                ToolCall(id="t2", name="add", arguments="{}"),
            ),
        ),
        Message(role="tool", content="2", name="add", tool_call_id="t1"),
        Message(role="tool", content="Error: no", name="add", tool_call_id="t2"),
        Message(role="user", content="Well?"),
    )


def test_tools_are_described_by_their_schema() -> None:
    box = ask(tools=[{**TOOL, "strict": True}]).toolbox

    assert box.tools == (
        Tool(name="add", description="Adds.", parameters='{"type": "object"}', is_strict=True),
    )
    assert (box.choice, box.is_parallel) == (ToolChoice.AUTO, True)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, (ToolChoice.AUTO, "", False)),
        ({"type": "any"}, (ToolChoice.REQUIRED, "", True)),
        ({"type": "tool", "name": "add"}, (ToolChoice.REQUIRED, "add", True)),
        ({"type": "none"}, (ToolChoice.NONE, "", True)),
    ],
)
def test_a_choice_of_tools_is_the_engines(choice: dict[str, Any], expected: Any) -> None:
    box = ask(tools=[TOOL], tool_choice=choice).toolbox

    assert (box.choice, box.name, box.is_parallel) == expected


def test_thinking_is_a_budget() -> None:
    on = ask(max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024})

    assert on.reasoning_budget == 1024
    assert ask(thinking={"type": "disabled"}).reasoning_budget == 0
    assert ask(thinking={"type": "adaptive"}).reasoning_budget is None
    assert ask().reasoning_budget is None


def test_effort_and_form_are_the_outputs() -> None:
    schema = {"type": "object"}
    request = ask(
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    )

    assert request.reasoning_effort == "low"
    assert request.constraint is not None
    assert request.constraint.kind is ConstraintKind.JSON_SCHEMA
    assert json.loads(request.constraint.text) == schema


def test_a_prompt_that_is_counted_is_the_one_that_is_sent() -> None:
    prompt = {"model": "m", "messages": [HI], "system": "Be kind.", "tools": [TOOL]}
    counted = prompt_request(json.dumps(prompt).encode(), "msg_1")
    sent = ask(**prompt)

    assert (counted.messages, counted.toolbox) == (sent.messages, sent.toolbox)
