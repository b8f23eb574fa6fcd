"""Anthropic's own client, which here checks every answer against its types."""

from __future__ import annotations

from typing import Any

import anthropic
from abilities import KEY, MESSAGES, MODEL, TOOL, URL, Order, show

client = anthropic.Anthropic(
    base_url=URL, api_key=KEY, max_retries=0, _strict_response_validation=True
)
function = TOOL["function"]
ASKED: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": MESSAGES,
    # the client has no word for it any more, and servers do
    "extra_body": {"temperature": 0},
}
TOOLS: dict[str, Any] = {
    "tools": [
        {
            "name": function["name"],
            "description": function["description"],
            "input_schema": function["parameters"],
        }
    ],
    "tool_choice": {"type": "tool", "name": function["name"]},
}


def chat() -> Any:
    [block] = client.messages.create(**ASKED).content
    return block.text


def stream() -> Any:
    with client.messages.stream(**ASKED) as events:
        return "".join(events.text_stream)


def tools() -> Any:
    answer = client.messages.create(**ASKED, **TOOLS)
    [call] = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use"
    return Order.model_validate(call.input).model_dump()


def streamed_tools() -> Any:
    with client.messages.stream(**ASKED, **TOOLS) as events:
        answer = events.get_final_message()
    [call] = [block for block in answer.content if block.type == "tool_use"]
    return Order.model_validate(call.input).model_dump()


def structured() -> Any:
    answer = client.messages.parse(**ASKED, output_format=Order)
    return answer.parsed_output.model_dump()


def count_tokens() -> Any:
    return client.messages.count_tokens(model=MODEL, messages=MESSAGES).input_tokens > 0


def with_a_bearer_token() -> Any:
    bearer = anthropic.Anthropic(base_url=URL, auth_token=KEY, max_retries=0)
    [block] = bearer.messages.create(**ASKED).content
    return block.text


show(
    chat=chat,
    stream=stream,
    tools=tools,
    streamed_tools=streamed_tools,
    structured=structured,
    count_tokens=count_tokens,
    with_a_bearer_token=with_a_bearer_token,
)
