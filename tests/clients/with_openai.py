"""OpenAI's own client, which here checks every answer against its types."""

from __future__ import annotations

from typing import Any

import openai
from abilities import (
    EMBEDDING_MODEL,
    KEY,
    MESSAGES,
    MODEL,
    QUESTION,
    TEXTS,
    TOOL,
    URL,
    Order,
    show,
    vectors_of,
)

client = openai.OpenAI(
    base_url=f"{URL}/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
)
create: Any = client.chat.completions.create


def chat() -> Any:
    return create(model=MODEL, messages=MESSAGES, temperature=0).choices[0].message.content


def stream() -> Any:
    chunks = create(model=MODEL, messages=MESSAGES, temperature=0, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def tools() -> Any:
    answer = create(model=MODEL, messages=MESSAGES, tools=[TOOL], tool_choice="required")
    [call] = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "carry_out"
    return Order.model_validate_json(call.function.arguments).model_dump()


def streamed_tools() -> Any:
    named = {"type": "function", "function": {"name": "carry_out"}}
    with client.chat.completions.stream(
        model=MODEL, messages=MESSAGES, tools=[TOOL], tool_choice=named
    ) as events:
        [call] = events.get_final_completion().choices[0].message.tool_calls or []
    return Order.model_validate_json(call.function.arguments).model_dump()


def structured() -> Any:
    answer = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Order)
    parsed = answer.choices[0].message.parsed
    assert parsed is not None
    return parsed.model_dump()


def embeddings() -> Any:
    answer = client.embeddings.create(model=EMBEDDING_MODEL, input=TEXTS, encoding_format="float")
    return vectors_of(item.embedding for item in answer.data)


def embeddings_as_base64() -> Any:
    # what the client asks for by itself; it checks types before it decodes
    lenient = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    answer = lenient.embeddings.create(model=EMBEDDING_MODEL, input=TEXTS)
    return vectors_of(item.embedding for item in answer.data)


def responses() -> Any:
    return client.responses.create(model=MODEL, input=QUESTION, temperature=0).output_text


def streamed_responses() -> Any:
    with client.responses.stream(model=MODEL, input=QUESTION, temperature=0) as events:
        return events.get_final_response().output_text


def tools_of_responses() -> Any:
    tool = {"type": "function", "strict": True, **TOOL["function"]}
    asked: Any = {"model": MODEL, "input": QUESTION, "tools": [tool], "tool_choice": "required"}
    [call] = client.responses.create(**asked).output
    assert call.type == "function_call"
    return Order.model_validate_json(call.arguments).model_dump()


def structured_responses() -> Any:
    answer = client.responses.parse(model=MODEL, input=QUESTION, text_format=Order)
    assert answer.output_parsed is not None
    return answer.output_parsed.model_dump()


def models() -> Any:
    return MODEL in [model.id for model in client.models.list()]


show(
    chat=chat,
    stream=stream,
    tools=tools,
    streamed_tools=streamed_tools,
    structured=structured,
    embeddings=embeddings,
    embeddings_as_base64=embeddings_as_base64,
    responses=responses,
    streamed_responses=streamed_responses,
    tools_of_responses=tools_of_responses,
    structured_responses=structured_responses,
    models=models,
)
