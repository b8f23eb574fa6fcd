from __future__ import annotations

import asyncio

from guide_chat import QUESTIONS, chat, client, events, text_of
from live import LiveServer

SEEDS = range(4)


async def test_a_seed_gives_the_same_answer_alone_and_among_eight(guide_server: LiveServer) -> None:
    async with client(guide_server) as http:
        for seed in SEEDS:
            bodies = [chat(q, seed=seed, temperature=1, max_tokens=60) for q in QUESTIONS]
            alone = [text_of(await events(http, body)) for body in bodies]
            together = await asyncio.gather(*(events(http, body) for body in bodies))
            assert [text_of(found) for found in together] == alone
            assert all(alone)


async def test_streamed_or_not_text_usage_and_reason_are_the_same(guide_server: LiveServer) -> None:
    async with client(guide_server) as http:
        for number, question in enumerate(QUESTIONS):
            body = chat(question, seed=1, temperature=0.8, max_tokens=5 + 10 * number)
            whole = (await http.post("v1/chat/completions", json=body)).json()
            found = await events(http, {**body, "stream_options": {"include_usage": True}})
            (choice,) = whole["choices"]
            reasons = [c["finish_reason"] for event in found for c in event["choices"]]
            assert text_of(found) == choice["message"]["content"]
            assert reasons[-1] == choice["finish_reason"]
            streamed = {**found[-1]["usage"], "prompt_tokens_details": None}
            assert streamed == {**whole["usage"], "prompt_tokens_details": None}
