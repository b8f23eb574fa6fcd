"""Responses that are kept for their users: to be read again, and to go on from."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.errors import (
    InvalidRequestError,
    PreviousResponseError,
    RegistryError,
    ResponseNotFoundError,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jupyter_llm.registry.database import Registry
    from jupyter_llm.registry.tables import ResponseRow

MAX_CHAIN = 1000
"""Responses that one may go on from, one behind the other."""

_DAY_S = 86_400.0
_PRUNE_EVERY_S = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResponse:
    """One response: `input` is the list of its input items and `response` itself, as JSON text.

    `owner` is the user it belongs to, `created_at` in seconds since the epoch.
    """

    id: str
    owner: str
    created_at: float
    previous_id: str | None = None
    input: str
    response: str


class ResponseStore:
    """Keeps responses for `retention_days`, each for its owner alone; for 0 days it keeps none."""

    def __init__(self, registry: Registry, retention_days: float) -> None:
        self._registry = registry
        self._retention_s = retention_days * _DAY_S

    @property
    def keeps_any(self) -> bool:
        """Whether anything is kept at all."""
        return self._retention_s > 0

    async def save(self, stored: StoredResponse) -> None:
        """Keep a response.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import ResponseRow

            session.merge(
                ResponseRow(
                    id=stored.id,
                    owner=stored.owner,
                    created_at=stored.created_at,
                    previous_id=stored.previous_id,
                    input=stored.input,
                    response=stored.response,
                )
            )

        await self._registry.run(work)

    async def get(self, response_id: str, owner: str) -> StoredResponse:
        """The response of this id.

        Raises:
            ResponseNotFoundError: There is none, or it belongs to somebody else.
            RegistryError: It cannot be read.
        """

        def work(session: Session) -> StoredResponse:
            return _stored(self._row(session, response_id, owner))

        return await self._registry.run(work)

    async def delete(self, response_id: str, owner: str) -> None:
        """Forget a response. Raises what `get` raises."""

        def work(session: Session) -> None:
            session.delete(self._row(session, response_id, owner))

        await self._registry.run(work)

    async def chain(self, response_id: str, owner: str) -> list[StoredResponse]:
        """This response and all that it goes on from, the first one first.

        Raises:
            PreviousResponseError: One of them is not there, or belongs to somebody else.
            InvalidRequestError: They are too many.
            RegistryError: They cannot be read.
        """

        def work(session: Session) -> list[StoredResponse]:
            found: list[StoredResponse] = []
            wanted: str | None = response_id
            while wanted is not None:
                if len(found) == MAX_CHAIN:
                    raise InvalidRequestError(
                        f"More than {MAX_CHAIN} responses stand before this one. Begin anew with "
                        "what is needed of them in 'input'.",
                        param="previous_response_id",
                    )
                found.append(self._link(session, wanted, owner))
                wanted = found[-1].previous_id
            return found[::-1]

        return await self._registry.run(work)

    async def prune(self) -> None:
        """Delete what is older than it may become.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import ResponseRow

            session.query(ResponseRow).filter(ResponseRow.created_at < self._oldest()).delete()

        if await self._registry.exists():
            await self._registry.run(work)

    async def keep_pruned(self) -> None:
        """Delete what grows too old, now and every hour, until cancelled."""
        while True:
            try:
                await self.prune()
            except RegistryError as error:
                log.warning("Old responses are not deleted now: %s", error)
            await asyncio.sleep(_PRUNE_EVERY_S)

    def _oldest(self) -> float:
        return time.time() - self._retention_s

    def _link(self, session: Session, response_id: str, owner: str) -> StoredResponse:
        try:
            return _stored(self._row(session, response_id, owner))
        except ResponseNotFoundError:
            raise PreviousResponseError(
                f"Previous response with id {response_id!r} not found. It was not stored, was "
                "deleted, or has become too old; send the conversation in 'input'.",
                param="previous_response_id",
            ) from None

    def _row(self, session: Session, response_id: str, owner: str) -> ResponseRow:
        from jupyter_llm.registry.tables import ResponseRow

        # PostgreSQL takes no NUL and no half character, and an id has neither
        is_id = response_id.isascii() and response_id.isprintable()
        row = session.get(ResponseRow, response_id) if is_id else None
        if row is None or row.owner != owner or row.created_at < self._oldest():
            raise ResponseNotFoundError(
                f"Response with id {response_id!r} not found. It was not stored, was deleted, or "
                "has become too old.",
                param="response_id",
            )
        return row


def _stored(row: ResponseRow) -> StoredResponse:
    return StoredResponse(
        id=row.id,
        owner=row.owner,
        created_at=row.created_at,
        previous_id=row.previous_id,
        input=row.input,
        response=row.response,
    )
