"""Texts put into a collection, with the vectors that the server's model makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import CollectionExistsError, CollectionNotFoundError, InvalidRequestError

from .async_client import AsyncClient
from .background import run_watched
from .documents import Document, documents_of
from .progress import INTERVAL_S, open_progress
from .vector_requests import LOCAL, creation, points, removal
from .work import embedding

if TYPE_CHECKING:
    from .server import Server

AT_ONCE = 64
"""Texts in a request: few enough that the progress is seen to move."""

_FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSettings:
    """Where texts go, and how; see `LLM.index`. `options` are those of embeddings."""

    name: str
    text: str | None = None
    database: str = LOCAL
    indexes: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False
    progress: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Indexing:
    """The work of `LLM.index`, whoever waits for it."""

    def __init__(self, data: Iterable[Any], settings: IndexSettings) -> None:
        self._settings = settings
        self._documents = documents_of(data, settings.text)
        self._progress = open_progress(len(self._documents), wanted=settings.progress)

    def run(self, server: Server) -> int:
        """Do it, while this thread shows how far it is; how many texts were put in."""
        try:
            run_watched(self._index(server), self._progress.show, interval_s=INTERVAL_S)
        except BaseException as exc:
            exc.add_note(self._so_far())
            raise
        finally:
            self._progress.finish()
        return len(self._documents)

    async def arun(self, server: Server) -> int:
        """The same in the caller's event loop."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._index(server)
        except BaseException as exc:
            exc.add_note(self._so_far())
            raise
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._progress.finish()
        return len(self._documents)

    async def _watch(self) -> None:
        while True:
            self._progress.show()
            await asyncio.sleep(INTERVAL_S)

    async def _index(self, server: Server) -> None:
        settings, exists = self._settings, False
        async with AsyncClient(server) as client:
            if settings.replace:
                with suppress(CollectionNotFoundError):
                    await client.do(removal(settings.database, settings.name))
            for start in range(0, len(self._documents), AT_ONCE):
                part = self._documents[start : start + AT_ONCE]
                texts = [document.text for document in part]
                made = await client.do(embedding(texts, **settings.options))
                if not exists:
                    await self._create(client, len(made.vectors[0]) // _FLOAT_BYTES)
                    exists = True
                await self._put(client, part, made.vectors)
                self._progress.count.asked += len(part)

    async def _create(self, client: AsyncClient, vector_size: int) -> None:
        settings = self._settings
        with suppress(CollectionExistsError):
            await client.do(
                creation(
                    settings.database,
                    settings.name,
                    vector_size=vector_size,
                    indexes=settings.indexes,
                )
            )

    async def _put(
        self, client: AsyncClient, part: Sequence[Document], vectors: Sequence[bytes]
    ) -> None:
        settings = self._settings
        try:
            await client.do(points(settings.database, settings.name, part, vectors))
        except InvalidRequestError as error:
            if error.param and error.param.endswith(".vector"):
                error.add_note(
                    f"'{settings.name}' was made with another model. Give that one as model=…, "
                    "take another name, or begin anew with replace=True."
                )
            raise

    def _so_far(self) -> str:
        count = self._progress.count
        return f"{count.done} of {count.total} texts are put in; again, each is there once."
