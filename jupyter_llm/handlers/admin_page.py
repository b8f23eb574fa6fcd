"""`GET /admin/`: models, memory and keys of this server, for people outside JupyterLab."""

from __future__ import annotations

from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import LLMHandler
from .page import PACKAGE, PageHandler, built_file
from .wire.admin_page import CONTENT_TYPES, PAGE, POLICY

_ASSETS = PACKAGE / "admin_page"
_NAME = "The admin page"


class AdminPageHandler(PageHandler):
    """The page; all that it shows and does goes through the routes of this API."""

    @property
    def content_security_policy(self) -> str:
        """Jupyter's for an API, and what the page needs beside it."""
        return f"{super().content_security_policy}; {POLICY}"

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Show the page."""
        await built_file(_ASSETS / "admin.js", _NAME)
        # sets the cookie that the page sends back with whatever changes something
        self.xsrf_token  # noqa: B018
        self.finish(PAGE, set_content_type="text/html; charset=utf-8")


class AdminPageWithoutSlashHandler(PageHandler):
    """The way to the admin page, for who leaves the last slash out."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Lead to the page."""
        self.redirect(f"{self.base_url}llm/admin/")


class AdminAssetHandler(LLMHandler):
    """The scripts and styles of that page."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, name: str) -> None:
        """Send one of the files that the page loads."""
        content_type = CONTENT_TYPES.get(name)
        if content_type is None:
            raise web.HTTPError(HTTPStatus.NOT_FOUND, "There is nothing at %s.", self.request.path)
        self.finish(await built_file(_ASSETS / name, _NAME), set_content_type=content_type)
