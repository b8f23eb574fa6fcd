from __future__ import annotations

import json

from jupyter_llm.client.messages import message_body
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import Message, ToolCall

CONVERSATION = (
    Message(role="user", content="What is the weather?", name="Ada"),
    Message(
        role="assistant",
        content="",
        reasoning="I have to look.",
        tool_calls=(ToolCall(id="call_1", name="weather", arguments='{"town": "Paris"}'),),
    ),
    Message(role="tool", content="sunny", name="weather", tool_call_id="call_1"),
)


def test_the_server_reads_what_was_said() -> None:
    body = {"messages": [message_body(message) for message in CONVERSATION]}
    call = chat_call(json.dumps(body).encode(), "id", SamplingDefaults())

    assert call.request.messages == CONVERSATION


def test_a_turn_has_the_fields_that_it_needs() -> None:
    assert message_body(Message(role="user", content="Hello")) == {
        "role": "user",
        "content": "Hello",
    }
    assert message_body({"role": "user", "content": "Hello", "name": None}) == {
        "role": "user",
        "content": "Hello",
    }
