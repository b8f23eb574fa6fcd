"""Pydantic AI with its model and provider for OpenAI."""

from __future__ import annotations

import asyncio
from typing import Any

from abilities import EMBEDDING_MODEL, KEY, MODEL, QUESTION, TEXTS, URL, Order, show, vectors_of
from pydantic_ai import Agent, Embedder, NativeOutput, ToolOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
model = OpenAIChatModel(MODEL, provider=provider, settings={"temperature": 0})


def chat() -> Any:
    return Agent(model).run_sync(QUESTION).output


def stream() -> Any:
    async def streamed() -> str:
        async with Agent(model).run_stream(QUESTION) as run:
            return "".join([piece async for piece in run.stream_text(delta=True)])

    return asyncio.run(streamed())


def tools() -> Any:
    # an output that is a tool is asked for with tool_choice "required"
    agent = Agent(model, output_type=ToolOutput(Order, name="carry_out"))
    return agent.run_sync(QUESTION).output.model_dump()


def structured() -> Any:
    agent = Agent(model, output_type=NativeOutput(Order))
    return agent.run_sync(QUESTION).output.model_dump()


def embeddings() -> Any:
    embedder = Embedder(OpenAIEmbeddingModel(EMBEDDING_MODEL, provider=provider))
    return vectors_of(embedder.embed_documents_sync(TEXTS).embeddings)


show(chat=chat, stream=stream, tools=tools, structured=structured, embeddings=embeddings)
