"""The registry: what must outlive a server, in a database that several servers may share.

One thread of its own does all the work, as databases block and the event loop must not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jupyter_core.paths import jupyter_data_dir

from jupyter_llm.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

T = TypeVar("T")

_SQLITE = "sqlite:///"
_ANSWER_TIMEOUT_S = 30.0
_CLOSE_TIMEOUT_S = 3.0
_RETRY_DELAYS_S = (0.05, 0.2, 0.5, 1.0)

log = logging.getLogger(__name__)


def default_url() -> str:
    """The registry of this user: a file in Jupyter's data directory."""
    return f"{_SQLITE}{Path(jupyter_data_dir(), 'jupyter_llm', 'registry.sqlite3')}"


class Registry:
    """A database at `url`, in the words of SQLAlchemy: SQLite or PostgreSQL.

    Nothing is imported or opened before the first work, which also brings the tables up
    to date. A failure costs that work alone: the next one opens the database anew.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="registry")

    async def run(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, done in one transaction.

        It may be called several times, where others hold the database, and so changes
        nothing else. A caller that leaves stops only work that has not begun.

        Raises:
            RegistryError: The database cannot be used; the message says what to do.
            LLMError: What `work` raises, which undoes the transaction.
        """
        done = asyncio.wrap_future(self.submit(work))
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                return await done
        except TimeoutError:
            raise RegistryError(
                f"The registry did not answer within {_ANSWER_TIMEOUT_S:.0f} s. See whether its "
                "disk or its database server is overloaded."
            ) from None

    def submit(self, work: Callable[[Session], T]) -> Future[T]:
        """Have `work` done after what was submitted before; for callers that do not wait.

        Raises:
            RegistryError: The registry is closed.
        """
        try:
            return self._thread.submit(self._run, work)
        except RuntimeError:
            raise RegistryError("The registry is closed: the server stops.") from None

    async def exists(self) -> bool:
        """Whether there may be something in it; looks for the file, and imports nothing."""
        return await asyncio.to_thread(self._may_exist)

    async def close(self) -> None:
        """Do what was submitted and close the connection, in bounded time; take no more work."""
        try:
            closed = self._thread.submit(self._forget_engine)
        except RuntimeError:
            return
        self._thread.shutdown(wait=False)
        _, late = await asyncio.wait({asyncio.wrap_future(closed)}, timeout=_CLOSE_TIMEOUT_S)
        if late:
            log.warning("The registry did not close within %.0f s.", _CLOSE_TIMEOUT_S)

    def _may_exist(self) -> bool:
        path = self._url.removeprefix(_SQLITE)
        return path == self._url or Path(path).expanduser().exists()

    def _run(self, work: Callable[[Session], T]) -> T:
        from jupyter_llm.registry.failures import readable_errors

        try:
            with readable_errors(self._url):
                return self._try(work)
        except RegistryError:
            self._forget_engine()
            raise

    def _try(self, work: Callable[[Session], T]) -> T:
        """Do it, again after a pause where somebody else was in the way."""
        from sqlalchemy.exc import DBAPIError

        from jupyter_llm.registry.failures import is_passing

        for delay_s in _RETRY_DELAYS_S:
            try:
                return self._once(work)
            except DBAPIError as error:
                if not is_passing(error):
                    raise
                time.sleep(delay_s)
        return self._once(work)

    def _once(self, work: Callable[[Session], T]) -> T:
        from sqlalchemy.orm import Session

        with Session(self._open()) as session, session.begin():
            return work(session)

    def _open(self) -> Engine:
        from jupyter_llm.registry.connection import open_engine
        from jupyter_llm.registry.migrate import bring_up_to_date

        if self._engine is None:
            engine = open_engine(self._url)
            try:
                bring_up_to_date(engine)
            except BaseException:
                engine.dispose()
                raise
            self._engine = engine
        return self._engine

    def _forget_engine(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
