"""What vLLM's server says over HTTP, as the engine wants it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np

from jupyter_llm.engines.common.inputs import Vector
from jupyter_llm.errors import EngineDiedError, InvalidRequestError

from .plan import Plan
from .steps import Drawn, Scores, Wanted

_TIMEOUT = httpx.Timeout(None, connect=10.0)
_TOKEN = "token_id:"  # noqa: S105 - how vLLM names a token by its number


class _Logprobs(msgspec.Struct):
    top_logprobs: list[dict[str, float] | None] = []
    tokens: list[str] = []
    token_logprobs: list[float | None] = []


class _Scored(msgspec.Struct):
    logprob: float


class _Choice(msgspec.Struct):
    token_ids: list[int] | None = None
    logprobs: _Logprobs | None = None
    prompt_logprobs: list[dict[int, _Scored] | None] | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens_details: _Details | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


class _Embedded(msgspec.Struct):
    embedding: list[float]


class _Embeddings(msgspec.Struct):
    data: list[_Embedded]


class ServerCore:
    """See `Core`: vLLM's own server, which listens at `socket`.

    It sleeps for developers of vLLM alone, so not here.
    """

    can_sleep = False

    def __init__(
        self, plan: Plan, socket: Path, *, is_alive: Callable[[], bool], end: Callable[[], None]
    ) -> None:
        self.num_tokens = _size(plan, "vocab_size")
        self.num_dimensions = _size(plan, "hidden_size")
        self._is_alive = is_alive
        self._end = end
        self._model = "adapter" if plan.options.adapter else "model"
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
        transport = httpx.AsyncHTTPTransport(uds=str(socket), limits=limits)
        self._http = httpx.AsyncClient(
            transport=transport, base_url="http://vllm", timeout=_TIMEOUT
        )

    @property
    def is_dead(self) -> bool:
        """Whether its process is gone."""
        return not self._is_alive()

    async def draw(
        self, prompt: list[int], wanted: Wanted, name: str
    ) -> AsyncGenerator[Drawn, None]:
        """The tokens that follow. See `Core.draw`."""
        del name
        try:
            if wanted.num_prompt_top is not None:
                yield await self._scored(prompt, wanted)
            body = {**self._body(prompt, wanted), "stream": True}
            async with self._http.stream("POST", "/v1/completions", json=body) as reply:
                if not reply.is_success:
                    raise _refusal(await reply.aread())
                async for line in reply.aiter_lines():
                    if line.startswith("data: {"):
                        yield _drawn(line.removeprefix("data: "))
        except httpx.TransportError as error:
            raise EngineDiedError("vLLM's server ended while it answered.") from error

    async def sleep(self) -> None:
        """See `Core.sleep`."""
        raise EngineDiedError("vLLM's server does not sleep.")

    async def wake(self) -> None:
        """See `Core.wake`."""
        raise EngineDiedError("vLLM's server does not sleep.")

    async def vector(self, text: list[int], name: str) -> Vector:
        """The vector of a text. See `Core.vector`."""
        del name
        body = {"model": self._model, "input": text}
        try:
            reply = await self._http.post("/v1/embeddings", json=body)
        except httpx.TransportError as error:
            raise EngineDiedError("vLLM's server ended while it read.") from error
        if not reply.is_success:
            raise _refusal(reply.content)
        found = msgspec.json.decode(reply.content, type=_Embeddings)
        return np.asarray(found.data[0].embedding, np.float32)

    def fail_all(self) -> None:
        """Nothing to be done: requests fail when the server ends."""

    def close(self) -> None:
        """End the server; its memory is free then."""
        self._end()

    async def forget(self) -> None:
        """Close what is left of the connections."""
        await self._http.aclose()

    async def _scored(self, prompt: list[int], wanted: Wanted) -> Drawn:
        """The scores of the prompt, which a stream does not have."""
        body = {**self._body(prompt, wanted), "prompt_logprobs": wanted.num_prompt_top}
        one = {**body, "max_tokens": 1, "min_tokens": 0, "structured_outputs": None}
        reply = await self._http.post("/v1/completions", json=one)
        if not reply.is_success:
            raise _refusal(reply.content)
        (choice,) = msgspec.json.decode(reply.content, type=_Reply).choices
        behind = (choice.prompt_logprobs or [])[1:]
        scores = [{token: each.logprob for token, each in (one or {}).items()} for one in behind]
        return Drawn(tokens=(), prompt_scores=scores)

    def _body(self, prompt: list[int], wanted: Wanted) -> dict[str, Any]:
        return {
            "model": self._model,
            "prompt": prompt,
            "max_tokens": wanted.max_tokens,
            "logprobs": wanted.num_top,
            "structured_outputs": {"grammar": wanted.lark} if wanted.lark else None,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            **wanted.options,
        }


def _drawn(text: str) -> Drawn:
    reply = msgspec.json.decode(text, type=_Reply)
    if reply.error is not None:
        raise EngineDiedError(f"vLLM's server gave the request up: {reply.error!r:.200}")
    if not reply.choices:
        return Drawn(tokens=())
    choice = reply.choices[0]
    return Drawn(
        tokens=choice.token_ids or (),
        scores=_scores(choice.logprobs) if choice.logprobs else (),
    )


def _scores(found: _Logprobs) -> Sequence[Scores]:
    drawn = zip(found.tokens, found.token_logprobs, strict=True)
    tops = found.top_logprobs or [None] * len(found.tokens)
    return [
        _numbered({**(top or {}), name: score if score is not None else -9999.0})
        for (name, score), top in zip(drawn, tops, strict=True)
    ]


def _numbered(scores: Mapping[str, float]) -> Scores:
    return {int(name.removeprefix(_TOKEN)): score for name, score in scores.items()}


def _refusal(content: bytes) -> InvalidRequestError:
    return InvalidRequestError(f"vLLM refuses this: {content.decode(errors='replace')[:300]}")


def _size(plan: Plan, name: str) -> int:
    config = plan.folder.config
    text = config.get("text_config")
    stated = config.get(name) or (text.get(name) if isinstance(text, Mapping) else None)
    return stated if isinstance(stated, int) else 0
