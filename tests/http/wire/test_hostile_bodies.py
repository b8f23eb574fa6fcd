"""Bodies that somebody sends to see what breaks: refused by name, in little time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.engines.host.frames import Generate, pack
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.completion_request import completion_call
from jupyter_llm.handlers.wire.embedding import embedding_call
from jupyter_llm.handlers.wire.keys import key_call
from jupyter_llm.handlers.wire.messages.request import messages_call
from jupyter_llm.handlers.wire.plain import plain_call
from jupyter_llm.handlers.wire.responses.request import asked_of, responses_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.handlers.wire.tokens import detokenize_request, tokenize_call

if TYPE_CHECKING:
    from jupyter_llm.handlers.wire.call import Call

DEFAULTS = SamplingDefaults()
HI = {"role": "user", "content": "Hi"}
HUGE = 2**64
MANY = 5000
QUICK_S = 2.0
"""Half a second on this machine at most; whatever grows with the square takes ten times that."""

Body = dict[str, Any]


def raw(body: Body) -> bytes:
    return json.dumps(body).encode()


def chat(body: Body) -> Call:
    return chat_call(raw({"messages": [HI], **body}), "id", DEFAULTS)


def text(body: Body) -> Call:
    return completion_call(raw({"prompt": "Hi", **body}), "id", DEFAULTS)


def responses(body: Body) -> Call:
    return responses_call(asked_of(raw({"input": "Hi", **body})), (), "resp_1", DEFAULTS)


def messages(body: Body) -> Call:
    return messages_call(raw({"messages": [HI], "max_tokens": 5, **body}), "id", DEFAULTS)


def chat_tool(schema: Body) -> Body:
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}


def responses_tool(schema: Body) -> Body:
    return {"tools": [{"type": "function", "name": "f", "parameters": schema}]}


def messages_tool(schema: Body) -> Body:
    return {"tools": [{"name": "f", "input_schema": schema}]}


TOOLS = [
    (chat, chat_tool, "tools[0].function.parameters"),
    (responses, responses_tool, "tools[0].parameters"),
    (messages, messages_tool, "tools[0].input_schema"),
]


@pytest.mark.parametrize(("parse", "tool", "param"), TOOLS)
def test_a_tool_knows_where_its_schema_stood(parse: Any, tool: Any, param: str) -> None:
    assert parse(tool({"type": "object"})).request.toolbox.tools[0].param == param


@pytest.mark.parametrize(("parse", "tool", "param"), TOOLS)
@pytest.mark.parametrize(
    "schema", [{"type": "string"}, json.loads('{"a":' * 300 + "1" + "}" * 300)]
)
def test_a_tool_that_no_call_can_have_is_refused(
    parse: Any, tool: Any, param: str, schema: Body
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        parse(tool(schema))
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("parse", "body", "param"),
    [
        (chat, {"max_tokens": HUGE}, "max_tokens"),
        (chat, {"top_k": HUGE}, "top_k"),
        (chat, {"reasoning_budget": HUGE}, "reasoning_budget"),
        (chat, {"logit_bias": {str(HUGE): 1}}, "logit_bias"),
        (chat, {"priority": HUGE}, "priority"),
        (text, {"max_tokens": HUGE}, "max_tokens"),
        (text, {"prompt": [HUGE]}, "prompt"),
        (text, {"prompt": [[1, HUGE]]}, "prompt"),
        (responses, {"top_k": HUGE}, "top_k"),
        (responses, {"max_output_tokens": HUGE}, "max_output_tokens"),
        (messages, {"top_k": HUGE}, "top_k"),
        (messages, {"max_tokens": HUGE}, "max_tokens"),
        (lambda body: embedding_call(raw(body), "id"), {"input": [HUGE]}, "input"),
        (
            lambda body: embedding_call(raw(body), "id"),
            {"input": "a", "dimensions": HUGE},
            "dimensions",
        ),
        (lambda body: detokenize_request(raw(body)), {"tokens": [HUGE]}, "tokens"),
        (
            lambda body: key_call(raw(body)),
            {"name": "a", "tokens_per_day": HUGE},
            "tokens_per_day",
        ),
    ],
)
def test_a_number_that_no_engine_can_be_told_is_refused_by_its_name(
    parse: Any, body: Body, param: str
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        parse(body)
    assert (raised.value.param or "").partition("[")[0] == param


def test_the_largest_numbers_travel_to_an_engine() -> None:
    largest = {"max_tokens": 2**63 - 1, "top_k": 2**31 - 1, "seed": -(2**63)}
    call = chat({**largest, "logit_bias": {str(2**31 - 1): 1}, "priority": -(2**31) + 1})
    assert pack(Generate(stream=1, request=call.request))


def use(number: int) -> Body:
    return {"type": "tool_use", "id": f"t{number}", "name": "f", "input": {}}


def called(number: int) -> Body:
    return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("parse", "body"),
    [
        (messages, {"messages": [{"role": "user", "content": [{"type": "text", "text": "a" * 99}]
                                  * (8 * MANY)}]}),
        (messages, {"messages": [HI, {"role": "assistant", "content": [*map(use, range(6 * MANY))]},
                                 HI]}),
        (messages, {"tools": [{"name": f"f{n}", "input_schema": {}} for n in range(4 * MANY)]}),
        (responses, {"input": [*map(called, range(6 * MANY)), HI]}),
        (responses, {"input": [{"role": "system", "content": "a" * 99}] * (8 * MANY)}),
    ],
    ids=["texts", "uses", "tools", "calls", "system"],
)  # fmt: skip
def test_thousands_of_parts_take_no_more_time_each_than_a_few(parse: Any, body: Body) -> None:
    started = time.perf_counter()
    parse(body)
    assert time.perf_counter() - started < QUICK_S


def test_what_has_no_effect_on_tokens_is_refused() -> None:
    for body, param in (
        ({"text": "a", "tools": []}, "tools"),
        ({"prompt": "a", "reasoning_effort": "low"}, "reasoning_effort"),
        ({"messages": [HI], "add_special": True}, "add_special"),
    ):
        with pytest.raises(InvalidRequestError) as raised:
            tokenize_call(raw(body))
        assert raised.value.param == param
    assert tokenize_call(raw({"messages": [HI], "add_special_tokens": False}))


def test_a_plain_stream_cannot_be_resumed() -> None:
    call = chat({"stream": True, "resumable": True})
    with pytest.raises(InvalidRequestError) as raised:
        plain_call(call, stream=True)
    assert raised.value.param == "resumable"


@pytest.mark.parametrize("parse", [chat, text, responses, messages])
def test_a_request_may_go_before_the_users_others(parse: Any) -> None:
    assert parse({"priority": 5}).request.priority == 5
    assert parse({"priority": -5}).request.priority == -5
    assert parse({}).request.priority == 0
