"""The model that a server begins with: fetched where it is missing, loaded where that is asked."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError, ModelNotFoundError
from jupyter_llm.types import DownloadState

if TYPE_CHECKING:
    from jupyter_llm.library.hub.pull import Puller
    from jupyter_llm.manager.manager import ModelManager

_STOP_TIMEOUT_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstModelSettings:
    """What a server shall begin with.

    With a `repo_id`, the default model is downloaded from this repository of the Hub where
    it is not on the disk: the file `filename`, or what suits this machine. `name` is what it
    is called then, where that is known. `is_to_load` loads the default model at once, not at
    its first request.
    """

    name: str = ""
    repo_id: str = ""
    filename: str = ""
    is_to_load: bool = False


class FirstModel:
    """Sees to the default model in the background, once, at the start of the server.

    `hint` tells an operator what is under way, or why it is not; empty when all is well.
    """

    def __init__(
        self, settings: FirstModelSettings, *, manager: ModelManager, puller: Puller
    ) -> None:
        self._settings = settings
        self._manager = manager
        self._puller = puller
        self._task: asyncio.Task[None] | None = None
        self.hint = ""

    def begin(self) -> None:
        """Begin, if there is something to do; waits for nothing."""
        if self._settings.repo_id or self._settings.is_to_load:
            self._task = asyncio.create_task(self._run(), name="first model")

    async def stop(self) -> None:
        """See to it no longer; a download goes on with the next server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_STOP_TIMEOUT_S)

    async def _run(self) -> None:
        try:
            if self._settings.repo_id:
                await self._manager.set_default(await self._on_disk() or await self._download())
            if self._settings.is_to_load:
                await self._manager.load("")
        except LLMError as error:
            self.hint = f"The default model is not there: {error}"
            log.warning("%s", self.hint)

    async def _on_disk(self) -> str:
        """A name of the model where it is here already, and the Hub need not be asked."""
        names = self._settings.name, self._settings.filename, self._downloaded()
        for name in filter(None, names):
            try:
                return (await self._manager.resolve(name)).id
            except ModelNotFoundError:
                continue
        return ""

    def _downloaded(self) -> str:
        """The path of what an earlier server downloaded from the repository."""
        repo_id = self._settings.repo_id.partition(":")[0]
        for download in self._puller.downloads.all():
            if download.repo_id == repo_id and download.state is DownloadState.DONE:
                return download.path
        return ""

    async def _download(self) -> str:
        repo_id = self._settings.repo_id
        self.hint = (
            f"The default model is being downloaded from {repo_id}; see /api/admin/downloads."
        )
        log.info("%s", self.hint)
        begun = await self._puller.pull(repo_id, self._settings.filename)
        path = (await self._puller.downloads.wait(begun.id)).path
        self.hint = ""
        return path
