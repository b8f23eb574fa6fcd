"""Questions for the guide, and a client that streams its answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from live import LiveServer

QUESTIONS = (
    "How do I load a model?",
    "How can I see which models are loaded?",
    "What is the guide?",
    "How do I stop an answer?",
    "Hello!",
    "Which port does the server use?",
    "How do I use the openai client?",
    "How do I free the memory of a model?",
)


def chat(question: str, **options: Any) -> dict[str, Any]:
    return {"model": "guide", "messages": [{"role": "user", "content": question}], **options}


def client(server: LiveServer) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {server.token}"}
    return httpx.AsyncClient(base_url=f"{server.url}/", headers=headers, timeout=60, limits=limits)


async def events(
    http: httpx.AsyncClient, body: dict[str, Any], began: asyncio.Event | None = None
) -> list[dict[str, Any]]:
    """The events of one stream, parsed; `began` is set when its first one is here."""
    found = []
    async with http.stream("POST", "v1/chat/completions", json={**body, "stream": True}) as reply:
        assert reply.status_code == 200, await reply.aread()
        async for line in reply.aiter_lines():
            if began:
                began.set()
            if line.startswith("data: {"):
                found.append(json.loads(line.removeprefix("data: ")))
    return found


def text_of(found: list[dict[str, Any]]) -> str:
    choices = [choice for event in found for choice in event.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while (await http.get("health/ready")).status_code != 200:
            await asyncio.sleep(0.05)
