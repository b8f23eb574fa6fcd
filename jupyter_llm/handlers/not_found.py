"""What no route knows: the error body of the API, not Jupyter's page."""

from __future__ import annotations

from http import HTTPStatus

from tornado.web import HTTPError

from .base import LLMHandler


class NotFoundHandler(LLMHandler):
    """Every path under `llm/` that is none of the others; it has no verb of its own."""

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's own handlers do
        """Refuse the request, once it is known that it may ask at all."""
        await super().prepare()
        # the path as an argument: it may hold a percent sign
        raise HTTPError(HTTPStatus.NOT_FOUND, "There is nothing at %s.", self.request.path)
