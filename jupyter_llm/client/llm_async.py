"""The methods of `llm` for event loops."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, overload

from .answer_stream import AsyncAnswerStream
from .async_client import AsyncClient
from .indexing import Indexing
from .kept import aask_once
from .llm_base import LLMBase
from .vector_requests import LOCAL, search
from .vectors import Vectors
from .work import embedding, extraction

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    from .answer import Answer
    from .chat_request import Messages
    from .reply import Reply
    from .search_results import SearchResults
    from .stream import ChatDelta
    from .work import Work


class AsyncMethods(LLMBase):
    """Each takes what the method of `LLM` takes that is named without its `a`."""

    @overload
    async def achat(self, messages: Messages, *, n: None = None, **options: Any) -> Answer: ...

    @overload
    async def achat(self, messages: Messages, *, n: int, **options: Any) -> list[Answer]: ...

    async def achat(self, messages: Messages, **options: Any) -> Answer | list[Answer]:
        """`chat` for an event loop."""
        if work := self._several(messages, options):
            async with AsyncClient(self.client.server) as client:
                return await client.do(work)
        async with self.astream(messages, **options) as stream:
            return await stream.answer()

    def astream(
        self,
        messages: Messages,
        *,
        cache: bool = False,
        on_answer: Callable[[Answer], None] | None = None,
        **options: Any,
    ) -> AsyncAnswerStream:
        """`stream` for an event loop: `async for piece in llm.astream(…)`."""
        exchange = self._exchange(messages, options)

        async def ask(work: Work[Reply]) -> AsyncGenerator[ChatDelta, None]:
            async with AsyncClient(self.client.server) as client:
                asked = aask_once(client, work, exchange.check) if cache else client.stream(work)
                async with aclosing(asked) as deltas:
                    async for delta in deltas:
                        yield delta

        return AsyncAnswerStream(exchange, ask, on_answer)

    async def aextract(self, text: str, schema: Any = None, **options: Any) -> Any:
        """`extract` for an event loop."""
        async with AsyncClient(self.client.server) as client:
            return await client.do(extraction(text, schema, **self._with_model(options)))

    async def aembed(self, texts: str | Iterable[str], **options: Any) -> Any:
        """`embed` for an event loop."""
        vectors = Vectors(texts, self._with_model(options))
        async with AsyncClient(self.client.server) as client:
            return vectors.array([await client.do(work) for work in vectors.works()])

    async def amap(
        self,
        data: Iterable[Any],
        prompt: str | Callable[[Any], Messages] | None = None,
        *,
        concurrency: int = 8,
        **options: Any,
    ) -> Any:
        """`map` for an event loop."""
        return await self._row_map(data, prompt, concurrency, options).arun(self.client.server)

    async def aindex(self, data: Iterable[Any], name: str, **options: Any) -> int:
        """`index` for an event loop."""
        return await Indexing(data, self._index_settings(name, options)).arun(self.client.server)

    async def asearch(
        self,
        query: str,
        name: str,
        *,
        limit: int = 5,
        where: Mapping[str, Any] | None = None,
        database: str = LOCAL,
        **options: Any,
    ) -> SearchResults:
        """`search` for an event loop."""
        async with AsyncClient(self.client.server) as client:
            made = await client.do(embedding(query, **self._with_model(options)))
            wanted = search(database, name, made.vectors[0], limit=limit, where=where)
            return await client.do(wanted)
