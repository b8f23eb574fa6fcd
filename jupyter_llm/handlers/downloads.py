"""`/api/admin/downloads` and `/api/admin/hub`: models on the Hub and on their way here."""

from __future__ import annotations

from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import LLMHandler
from .wire.downloads import (
    download_body,
    download_call,
    offers_body,
    repo_body,
    search_limit,
    wants_dismissal,
)


class BeginDownloadHandler(LLMHandler):
    """Brings a model from the Hub to the disk."""

    _track_activity = True

    @web.authenticated
    @authorized("write", "llm")
    async def post(self) -> None:
        """Begin a download, or go on with it; the answer does not wait for the bytes."""
        name, wanted = download_call(self.request.body)
        download = await self.context.puller.pull(name, wanted)
        self.set_status(HTTPStatus.ACCEPTED)
        self.finish(download_body(download))


class DownloadsHandler(LLMHandler):
    """`GET /api/admin/downloads`."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Every download that is known."""
        downloads = self.context.puller.downloads.all()
        self.finish({"downloads": [download_body(download) for download in downloads]})


class DownloadHandler(LLMHandler):
    """`/api/admin/downloads/{id}`."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self, download_id: str) -> None:
        """How far a download is."""
        self.finish(download_body(self.context.puller.downloads.get(download_id)))

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, download_id: str) -> None:
        """Stop a download; what has come stays for the next time, unless it is dismissed."""
        downloads = self.context.puller.downloads
        is_dismissed = wants_dismissal(self.get_query_argument("dismiss", "false"))
        act = downloads.dismiss if is_dismissed else downloads.cancel
        self.finish(download_body(await act(download_id)))


class HubSearchHandler(LLMHandler):
    """`GET /api/admin/hub?search=…`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Repositories with GGUF files, the most downloaded first."""
        text = self.get_query_argument("search", "")
        limit = search_limit(self.get_query_argument("limit", "10"))
        found = await self.context.puller.search(text, limit)
        self.finish({"models": [repo_body(repo) for repo in found]})


class HubRepoHandler(LLMHandler):
    """`GET /api/admin/hub/{org}/{name}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, repo_id: str) -> None:
        """What a repository has, and whether that fits this machine."""
        self.finish(offers_body(*await self.context.puller.offers(repo_id)))
