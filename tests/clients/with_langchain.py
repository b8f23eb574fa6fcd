"""LangChain's classes for OpenAI."""

from __future__ import annotations

from typing import Any

from abilities import (
    EMBEDDING_MODEL,
    KEY,
    MODEL,
    QUESTION,
    TEXTS,
    TOOL,
    URL,
    Order,
    show,
    vectors_of,
)
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

SERVER: dict[str, Any] = {"base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0}
model = ChatOpenAI(model=MODEL, temperature=0, **SERVER)


def chat() -> Any:
    return model.invoke(QUESTION).content


def stream() -> Any:
    return "".join(str(chunk.content) for chunk in model.stream(QUESTION))


def tools() -> Any:
    answer = model.bind_tools([TOOL], tool_choice="carry_out").invoke(QUESTION)
    [call] = answer.tool_calls
    assert call["name"] == "carry_out"
    return Order.model_validate(call["args"]).model_dump()


def streamed_tools() -> Any:
    chunks = model.bind_tools([TOOL], tool_choice="required").stream(QUESTION)
    whole: Any = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    [call] = whole.tool_calls
    return Order.model_validate(call["args"]).model_dump()


def structured() -> Any:
    answer = model.with_structured_output(Order, method="json_schema").invoke(QUESTION)
    assert isinstance(answer, Order)
    return answer.model_dump()


def structured_by_tool() -> Any:
    answer = model.with_structured_output(Order, method="function_calling").invoke(QUESTION)
    assert isinstance(answer, Order)
    return answer.model_dump()


def embeddings() -> Any:
    # its own count of tokens is that of OpenAI's models, and fetched from OpenAI
    embedder = OpenAIEmbeddings(model=EMBEDDING_MODEL, check_embedding_ctx_length=False, **SERVER)
    return vectors_of(embedder.embed_documents(TEXTS))


show(
    chat=chat,
    stream=stream,
    tools=tools,
    streamed_tools=streamed_tools,
    structured=structured,
    structured_by_tool=structured_by_tool,
    embeddings=embeddings,
)
