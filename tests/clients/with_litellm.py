"""LiteLLM with its provider for OpenAI-compatible servers."""

from __future__ import annotations

from typing import Any

import litellm
from abilities import (
    EMBEDDING_MODEL,
    KEY,
    MESSAGES,
    MODEL,
    TEXTS,
    TOOL,
    URL,
    Order,
    show,
    vectors_of,
)

litellm.telemetry = False
SERVER: dict[str, Any] = {"api_base": f"{URL}/v1", "api_key": KEY, "max_retries": 0}
ASKED: dict[str, Any] = {"model": f"openai/{MODEL}", "messages": MESSAGES, **SERVER}


def chat() -> Any:
    return litellm.completion(**ASKED, temperature=0).choices[0].message.content


def stream() -> Any:
    chunks = litellm.completion(**ASKED, temperature=0, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def tools() -> Any:
    answer = litellm.completion(**ASKED, tools=[TOOL], tool_choice="required")
    [call] = answer.choices[0].message.tool_calls
    return Order.model_validate_json(call.function.arguments).model_dump()


def structured() -> Any:
    answer = litellm.completion(**ASKED, response_format=Order)
    return Order.model_validate_json(answer.choices[0].message.content).model_dump()


def embeddings() -> Any:
    answer = litellm.embedding(
        model=f"openai/{EMBEDDING_MODEL}", input=TEXTS, encoding_format="float", **SERVER
    )
    return vectors_of(item["embedding"] for item in answer.data)


show(chat=chat, stream=stream, tools=tools, structured=structured, embeddings=embeddings)
