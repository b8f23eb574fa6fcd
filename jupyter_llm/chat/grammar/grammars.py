"""The compiled constraints of one loaded model."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from jupyter_llm.errors import EngineDiedError, EngineUnavailableError
from jupyter_llm.types import Constraint

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

NUM_THREADS = 2
"""Compilations at a time, so that one of seconds does not hold up the next."""

NUM_KEPT = 64
"""Compiled constraints that are kept, the last used ones."""


class Grammars:
    """Compiles constraints on threads of its own, each once; used from one event loop.

    `make_tokenizer` is called on such a thread, when the first constraint comes.
    """

    def __init__(self, make_tokenizer: Callable[[], LLTokenizer]) -> None:
        self._make_tokenizer = make_tokenizer
        self._pool = ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="grammar")
        self._tokenizer: Future[LLTokenizer] | None = None
        self._compiled: OrderedDict[Constraint, Future[LLMatcher]] = OrderedDict()

    async def compiled(self, constraint: Constraint) -> LLMatcher:
        """The matcher of `constraint` at the beginning of an answer, to be copied.

        A caller that leaves does not stop the compilation: others may wait for it.

        Raises:
            InvalidRequestError: It cannot be enforced; `param` names the field.
            EngineUnavailableError: llguidance is not installed.
            EngineDiedError: `close` came first.
        """
        future = self._compiled.get(constraint) or self._start(constraint)
        self._compiled.move_to_end(constraint)
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            if future.cancelled():
                raise EngineDiedError("The model was unloaded before the answer began.") from None
            raise
        except Exception:
            self._compiled.pop(constraint, None)
            raise

    def close(self) -> None:
        """Wait for what is being compiled; nothing uses the tokenizer afterwards."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, constraint: Constraint) -> Future[LLMatcher]:
        if self._tokenizer is None:
            self._tokenizer = self._pool.submit(self._make_tokenizer)
        future = self._pool.submit(_compile, constraint, self._tokenizer)
        self._compiled[constraint] = future
        if len(self._compiled) > NUM_KEPT:
            self._compiled.popitem(last=False)
        return future


def _compile(constraint: Constraint, tokenizer: Future[LLTokenizer]) -> LLMatcher:
    try:
        from .compiler import compile_constraint
    except ImportError as error:
        raise EngineUnavailableError(
            "Structured output needs llguidance: pip install 'jupyter-llm[llama-cpp]'"
        ) from error
    return compile_constraint(constraint, tokenizer.result())
