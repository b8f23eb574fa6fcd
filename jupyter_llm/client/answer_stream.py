"""Answers while they grow."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Self

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import ToolCall

from .answer import Answer
from .reply import GrowingReply
from .work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from .exchange import Exchange
    from .reply import Reply
    from .stream import ChatDelta

    Ask = Callable[[Work[Reply]], Generator[ChatDelta, None, None]]
    AsyncAsk = Callable[[Work[Reply]], AsyncGenerator[ChatDelta, None]]
    OnAnswer = Callable[[Answer], None]


class AnswerStream:
    """The pieces of an answer's text as they come; `answer` is the whole.

    Tools are called in between. Leaving it early with `close()`, which the end of a `with`
    does, stops the model.
    """

    def __init__(self, exchange: Exchange, ask: Ask, on_answer: OnAnswer | None = None) -> None:
        self._exchange = exchange
        self._on_answer = on_answer
        self._answer: Answer | None = None
        self._partial = GrowingReply()
        self._deltas = self._run(ask)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        for delta in self._deltas:
            if delta.text:
                return delta.text
        raise StopIteration

    def deltas(self) -> Generator[ChatDelta, None, None]:
        """Everything that comes, with reasoning and calls of tools, instead of the text alone."""
        return self._deltas

    @property
    def answer(self) -> Answer:
        """The whole answer, waited for; of a stream that was closed, what has come."""
        for _ in self._deltas:
            pass
        return self._answer or _stopped(self._partial.reply())

    def close(self) -> None:
        """Stop the model, if it still answers."""
        self._deltas.close()

    def _run(self, ask: Ask) -> Generator[ChatDelta, None, None]:
        while not self._exchange.is_done:
            self._partial = GrowingReply()
            with closing(ask(self._exchange.work())) as deltas:
                for delta in deltas:
                    self._partial.add(delta)
                    yield delta
            for call in self._exchange.take(self._partial.reply()):
                self._call(call)
        self._answer = self._exchange.answer()
        if self._on_answer:
            self._on_answer(self._answer)

    def _call(self, call: ToolCall) -> None:
        try:
            tool = self._exchange.tool(call)
        except InvalidRequestError as exc:
            self._exchange.refuse(call, exc)
        else:
            self._exchange.tell(tool.answer(call))


class AsyncAnswerStream:
    """The same for an event loop: `async for`, `async with`, `await stream.answer()`."""

    def __init__(
        self, exchange: Exchange, ask: AsyncAsk, on_answer: OnAnswer | None = None
    ) -> None:
        self._exchange = exchange
        self._on_answer = on_answer
        self._answer: Answer | None = None
        self._partial = GrowingReply()
        self._deltas = self._run(ask)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        async for delta in self._deltas:
            if delta.text:
                return delta.text
        raise StopAsyncIteration

    def deltas(self) -> AsyncGenerator[ChatDelta, None]:
        """Everything that comes, with reasoning and calls of tools, instead of the text alone."""
        return self._deltas

    async def answer(self) -> Answer:
        """The whole answer, waited for; of a stream that was closed, what has come."""
        async for _ in self._deltas:
            pass
        return self._answer or _stopped(self._partial.reply())

    async def aclose(self) -> None:
        """Stop the model, if it still answers."""
        await self._deltas.aclose()

    async def _run(self, ask: AsyncAsk) -> AsyncGenerator[ChatDelta, None]:
        while not self._exchange.is_done:
            self._partial = GrowingReply()
            async with aclosing(ask(self._exchange.work())) as deltas:
                async for delta in deltas:
                    self._partial.add(delta)
                    yield delta
            for call in self._exchange.take(self._partial.reply()):
                await self._call(call)
        self._answer = self._exchange.answer()
        if self._on_answer:
            self._on_answer(self._answer)

    async def _call(self, call: ToolCall) -> None:
        try:
            tool = self._exchange.tool(call)
        except InvalidRequestError as exc:
            self._exchange.refuse(call, exc)
        else:
            self._exchange.tell(await tool.aanswer(call))


def _stopped(reply: Reply) -> Answer:
    return Answer(text=reply.text, reasoning=reply.reasoning, model=reply.model)
