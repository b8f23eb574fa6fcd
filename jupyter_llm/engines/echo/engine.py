"""An engine without a model: it says what it was told, word by word.

It serves tests and work on the user interface. It is deterministic: sampling
values that choose between tokens change nothing, since there is only one choice.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.errors import ContextLengthError, EngineDiedError, InvalidRequestError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    Timings,
    TokenChunk,
    TokenizeRequest,
    TokenList,
    ToolCallDelta,
    Usage,
)

from .answer import Answer, answer_chunk, plan_answer, prompt_logprobs, prompt_words
from .words import NUM_DIMENSIONS, split_tokens, token_id, vector

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

CONTEXT_LENGTH = 8192
"""Tokens of prompt and answer together, unless the load options say otherwise."""

_SLOTS = 12


class EchoEngine(Engine):
    """Streams the last user message, or the prompt, back to the caller.

    Where a tool must be called, the message comes as its arguments.
    `delay_s` is the time before each token; 0 only yields to the event loop.
    """

    name = "echo"

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s
        self._stats = EngineStats()
        self._turns = asyncio.Semaphore(0)
        self._is_loaded = False

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Take the context length and the slots from `options`; there is nothing else to do."""
        if options.adapters:
            raise InvalidRequestError("echo has no weights to adapt.", param="adapters")
        if options.draft_model:
            raise InvalidRequestError("echo has no tokens to guess.", param="draft_model")
        slots = options.slots or _SLOTS
        context_length = options.context_length or model.context_length or CONTEXT_LENGTH
        self._stats = EngineStats(slots=slots, context_length=context_length)
        self._turns = asyncio.Semaphore(slots)
        self._is_loaded = True
        on_progress(1.0)
        return MemoryUse()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream the answer, one chunk for each token and a last one without text."""
        answer = plan_answer(request, self._stats.context_length)
        asked_at = time.perf_counter()
        async with self._turn():
            started_at = time.perf_counter()
            offset = 0
            if request.echo and request.prompt:
                yield TokenChunk(text=request.prompt, logprobs=prompt_logprobs(request))
                offset = len(request.prompt)
            if answer.calls:
                begun = ToolCallDelta(index=0, id=f"call_{request.id}", name=answer.calls)
                yield TokenChunk(text="", tool_calls=(begun,))
            first_at: float | None = None
            for piece in answer.pieces:
                await self._pace()
                first_at = first_at or time.perf_counter()
                yield answer_chunk(piece, answer, request, offset)
                offset += len(piece)
            first_at = first_at or time.perf_counter()
            self._count(answer)
            yield TokenChunk(
                text="",
                finish_reason=answer.finish_reason,
                usage=Usage(
                    prompt_tokens=answer.num_prompt_tokens,
                    completion_tokens=answer.num_completion_tokens,
                ),
                timings=Timings(
                    queue_s=started_at - asked_at,
                    prefill_s=first_at - started_at,
                    decode_s=time.perf_counter() - first_at,
                ),
                stop=answer.stop,
            )

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """A vector for each text, alike where the words are."""
        num_dimensions = request.dimensions or NUM_DIMENSIONS
        if num_dimensions > NUM_DIMENSIONS:
            raise InvalidRequestError(
                f"dimensions is {num_dimensions}; echo's vectors have {NUM_DIMENSIONS}.",
                param="dimensions",
            )
        texts = [self._words(number, text) for number, text in enumerate(request.inputs)]
        num_tokens = sum(map(len, texts))
        self._add(num_prompt_tokens=num_tokens)
        return Embeddings(
            vectors=tuple(vector(words, num_dimensions) for words in texts),
            usage=Usage(prompt_tokens=num_tokens, completion_tokens=0),
        )

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """The words of a prompt; their ids are of no use but to tell them apart."""
        words = prompt_words(request.request)
        return TokenList(
            ids=tuple(map(token_id, words)),
            pieces=tuple(word.encode("utf-8", "replace") for word in words),
            context_length=self._stats.context_length,
        )

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Refuse: echo has no vocabulary."""
        del request
        raise InvalidRequestError("The echo model takes text, not token ids.", param="tokens")

    async def unload(self) -> None:
        """End what still runs; each request notices at its next token."""
        if self._is_loaded:
            self._is_loaded = False
            self._turns.release()  # one waiter wakes, finds the end and wakes the next

    def stats(self) -> EngineStats:
        """The counters so far."""
        return self._stats

    async def died(self) -> EngineDiedError:
        """Wait for ever: there is nothing here that could die."""
        never: asyncio.Future[EngineDiedError] = asyncio.get_running_loop().create_future()
        return await never

    def _words(self, number: int, text: str | tuple[int, ...]) -> list[str]:
        param = f"input[{number}]"
        if not isinstance(text, str):
            raise InvalidRequestError("The echo model takes text, not token ids.", param=param)
        words = split_tokens(text)
        if len(words) > self._stats.context_length:
            raise ContextLengthError(
                f"{param} has {len(words)} tokens; this model's context holds "
                f"{self._stats.context_length}. Split the text.",
                param=param,
            )
        return words

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self._add(num_waiting=1)
        try:
            await self._turns.acquire()
        finally:
            self._add(num_waiting=-1)
        self._add(num_running=1)
        try:
            self._check_loaded()
            yield
        finally:
            self._add(num_running=-1)
            self._turns.release()

    async def _pace(self) -> None:
        await asyncio.sleep(self._delay_s)
        self._check_loaded()

    def _check_loaded(self) -> None:
        if not self._is_loaded:
            raise EngineDiedError("The echo model was unloaded before its answer was complete.")

    def _count(self, answer: Answer) -> None:
        self._add(
            num_prompt_tokens=answer.num_prompt_tokens,
            num_completion_tokens=answer.num_completion_tokens,
            num_steps=answer.num_completion_tokens,
        )

    def _add(self, **amounts: int) -> None:
        """The one place where the counters change."""
        sums = {name: getattr(self._stats, name) + amount for name, amount in amounts.items()}
        self._stats = replace(self._stats, **sums)
