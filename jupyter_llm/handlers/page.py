"""What the pages for people have in common: the way to the login, and files that are built."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

from tornado.httputil import url_concat
from tornado.web import HTTPError

from .auth import UnauthenticatedError
from .base import LLMHandler

PACKAGE = Path(__file__).parents[1]


class PageHandler(LLMHandler):
    """A page; a browser that is not logged in is led to the login, and from there back."""

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's own handlers do
        """Find out who asks; programs are refused as everywhere."""
        try:
            await super().prepare()
        except UnauthenticatedError:
            if not self._is_opened_by_a_person():
                raise
            # without the query: it may hold a token that is not valid
            back = {"next": self.request.path}
            self.redirect(url_concat(self.settings["login_url"], back))

    def _is_opened_by_a_person(self) -> bool:
        headers = self.request.headers
        return "text/html" in headers.get("Accept", "") and "Authorization" not in headers


async def built_file(path: Path, what: str) -> bytes:
    """The content of a file that is built with the side panel.

    Raises:
        HTTPError: It was not built; the message says how `what` is to be had.
    """
    try:
        return await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        raise HTTPError(
            HTTPStatus.NOT_IMPLEMENTED,
            "%s was not built with this source tree: run 'make panel', which needs Node.js 20 "
            "or later.",
            what,
        ) from None
