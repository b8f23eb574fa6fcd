"""`GET /openapi.json`, and `GET /swagger-ui` to read it and try it out."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import LLMHandler
from .page import PACKAGE, PageHandler, built_file
from .wire.swagger_ui import CONTENT_TYPES, PAGE, POLICY, START

_ASSETS = PACKAGE / "swagger_ui"


class DescriptionHandler(LLMHandler):
    """The description of this API."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Describe every route in OpenAPI 3.1."""
        self.finish(await asyncio.to_thread(_document, f"{self.base_url}llm"))


def _document(url: str) -> bytes:
    from .openapi.document import document

    return document(url)


class SwaggerUIHandler(PageHandler):
    """Swagger UI over that description, with nothing from another site."""

    @property
    def content_security_policy(self) -> str:
        """Jupyter's for an API, and what the page needs beside it."""
        return f"{super().content_security_policy}; {POLICY}"

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Show the page."""
        # sets the cookie that the page sends back with what it tries out
        self.xsrf_token  # noqa: B018
        self.finish(PAGE, set_content_type="text/html; charset=utf-8")


class SwaggerAssetHandler(LLMHandler):
    """The scripts and styles of that page."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, name: str) -> None:
        """Send one of the files that the page loads."""
        content_type = CONTENT_TYPES.get(name)
        if content_type is None:
            raise web.HTTPError(HTTPStatus.NOT_FOUND, "There is nothing at %s.", self.request.path)
        is_ours = name == "start.js"
        data = START if is_ours else await built_file(_ASSETS / name, "Swagger UI")
        self.finish(data, set_content_type=content_type)
