"""A model of another service as the manager sees it.

Answers to relayed requests are passed on as they come; all others are put into the words of
OpenAI's API and read back out of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.remote.answers import read_answer, relayed_answer, tells
from jupyter_llm.engines.remote.attempts import attempts
from jupyter_llm.engines.remote.failures import error_of_event
from jupyter_llm.engines.remote.group import Group, Replica
from jupyter_llm.engines.remote.inflow import Inflow
from jupyter_llm.engines.remote.relay import FailedEvent, body_for
from jupyter_llm.engines.remote.request import body_of, route_of
from jupyter_llm.engines.remote.usage import estimated_usage
from jupyter_llm.engines.remote.vectors import embedding_body_of, embeddings_of
from jupyter_llm.errors import (
    EngineDiedError,
    InvalidRequestError,
    ModelLoadError,
    UpstreamError,
)
from jupyter_llm.types import (
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    Timings,
    TokenChunk,
    Usage,
)

if TYPE_CHECKING:
    from jupyter_llm.engines.remote.remotes import Remotes, Target
    from jupyter_llm.engines.remote.upstream import ListedModel

_LAST_BYTES_S = 0.5
"""How long a connection may take to end an answer that is complete."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What exists between load and unload; `name` is what the service calls the model."""

    target: Target
    name: str
    group: Group


class RemoteEngine(Engine):
    """One model of one of the services in `remotes`."""

    name = "remote"

    def __init__(self, remotes: Remotes) -> None:
        self._remotes = remotes
        self._loaded: _Loaded | None = None
        self._model_id = ""
        self._inflows: set[Inflow] = set()
        self._stats = EngineStats()

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """See that the service answers and has the model. See `Engine.load`."""
        for param in ("adapters", "draft_model"):
            if getattr(options, param):
                raise InvalidRequestError("Its weights are elsewhere.", param=param)
        self._model_id = model.id
        target = self._remotes.find(model.id)
        remote = target.known.remote
        group = await Group.open(remote, target.known.on_health)
        target.known.followers.add(group.set)
        try:
            listed = _chosen(await group.models(), target)
        except BaseException:
            await _closed(group, target)
            raise
        self._loaded = _Loaded(target, listed.id, group)
        self._stats = EngineStats(
            slots=min(options.slots or remote.concurrency, remote.concurrency),
            context_length=listed.max_model_len or listed.context_length or model.context_length,
        )
        on_progress(1.0)
        return MemoryUse()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer. See `Engine.generate`."""
        asked_at = time.perf_counter()
        async with self._turn() as loaded:
            began_at, first_at, num_written = time.perf_counter(), 0.0, 0
            async with aclosing(self._answer(loaded, request)) as chunks:
                async for chunk in chunks:
                    first_at = first_at or time.perf_counter()
                    num_written += chunk.num_written
                    if chunk.finish_reason is None:
                        yield chunk
                        continue
                    usage = chunk.usage or estimated_usage(request, num_written)
                    self._count(usage)
                    timings = Timings(
                        queue_s=began_at - asked_at,
                        prefill_s=first_at - began_at,
                        decode_s=time.perf_counter() - first_at,
                    )
                    yield replace(chunk, usage=usage, timings=timings)

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Ask the service for vectors. See `Engine.embed`."""
        async with self._turn() as loaded:
            body = embedding_body_of(request, loaded.name)
            ask = partial(self._sent, loaded, route="embeddings", body=body)
            # nothing of it is of use before all of it is there
            sent = attempts(loaded.group, ask, lambda _: False)
            answer = b"".join([part async for part in sent])
        embeddings = await asyncio.to_thread(embeddings_of, answer, len(request.inputs))
        self._count(embeddings.usage)
        return embeddings

    async def unload(self) -> None:
        """Close all connections; what runs is cut off. See `Engine.unload`."""
        loaded, self._loaded = self._loaded, None
        if loaded is None:
            return
        for inflow in tuple(self._inflows):
            inflow.end(self._unloaded())
        await _closed(loaded.group, loaded.target)

    def stats(self) -> EngineStats:
        """What this server has sent there and got from there."""
        return self._stats

    async def died(self) -> EngineDiedError:
        """Wait until the service is gone. See `Engine.died`."""
        never: asyncio.Future[EngineDiedError] = asyncio.get_running_loop().create_future()
        return await (asyncio.shield(self._loaded.group.death) if self._loaded else never)

    def _answer(
        self, loaded: _Loaded, request: GenerationRequest
    ) -> AsyncGenerator[TokenChunk, None]:
        relayed = request.relayed
        if relayed is not None:
            route, body = relayed.route, body_for(relayed, loaded.name)
        else:
            route = route_of(request)
            body = body_of(request, loaded.name, loaded.target.known.remote.dialect)

        async def ask(replica: Replica) -> AsyncGenerator[TokenChunk, None]:
            async with aclosing(self._sent(loaded, replica, route, body)) as parts:
                answer = (
                    relayed_answer(parts, relayed, self._model_id)
                    if relayed
                    else read_answer(parts)
                )
                try:
                    async with aclosing(answer) as chunks:
                        async for chunk in chunks:
                            is_last = chunk.finish_reason is not None
                            yield replace(chunk, served_by=replica.name) if is_last else chunk
                except FailedEvent as failed:
                    remote_id = loaded.target.known.remote.id
                    raise error_of_event(remote_id, failed.data, loaded.group.secrets) from None

        return attempts(loaded.group, ask, tells)

    async def _sent(
        self, loaded: _Loaded, replica: Replica, route: str, body: bytes
    ) -> AsyncGenerator[bytes, None]:
        """The answer to a request as it comes; the connection is kept if it ends well."""
        inflow = Inflow(replica.upstream, route, body, insists=len(loaded.group) == 1)
        self._inflows.add(inflow)
        replica.num_running += 1
        patience_s = 0.0
        try:
            async for part in inflow.parts():
                patience_s = _LAST_BYTES_S if part.endswith(b"[DONE]\n\n") else 0.0
                yield part
        except UpstreamError:
            replica.health.suspect()
            raise
        finally:
            self._inflows.discard(inflow)
            replica.num_running -= 1
            await inflow.close(patience_s)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[_Loaded]:
        """One of the places that the service has for this server."""
        turns = self._require_loaded().target.known.turns
        if turns.locked():
            self._add(num_waiting=1)
            try:
                await turns.acquire()
            finally:
                self._add(num_waiting=-1)
        else:
            await turns.acquire()
        self._add(num_running=1)
        try:
            yield self._require_loaded()
        finally:
            self._add(num_running=-1)
            turns.release()

    def _require_loaded(self) -> _Loaded:
        if self._loaded is None:
            raise self._unloaded()
        return self._loaded

    def _unloaded(self) -> EngineDiedError:
        return EngineDiedError(f"The model {self._model_id!r} was unloaded.")

    def _count(self, usage: Usage) -> None:
        self._add(
            num_prompt_tokens=usage.prompt_tokens,
            num_cached_tokens=usage.cached_tokens,
            num_completion_tokens=usage.completion_tokens,
        )

    def _add(self, **amounts: int) -> None:
        sums = {name: getattr(self._stats, name) + amount for name, amount in amounts.items()}
        self._stats = replace(self._stats, **sums)


async def _closed(group: Group, target: Target) -> None:
    target.known.followers.discard(group.set)
    await group.close()


def _chosen(listed: list[ListedModel], target: Target) -> ListedModel:
    """The model under its name there.

    Raises:
        ModelLoadError: The service lists models, and not this one; or none, and no name is given.
    """
    from jupyter_llm.engines.remote.upstream import ListedModel

    remote = target.known.remote
    if not listed and target.name:
        return ListedModel(id=target.name)
    for model in listed:
        if target.name in ("", model.id):
            return model
    if not listed:
        raise ModelLoadError(
            f"The service {remote.id!r} does not list its models: name one in 'models' of "
            "LLMExtension.remotes."
        )
    names = ", ".join(model.id for model in listed[:8])
    raise ModelLoadError(f"The service {remote.id!r} has no model {target.name!r}, but: {names}.")
