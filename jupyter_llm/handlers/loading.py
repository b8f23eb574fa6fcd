"""`POST /load`, `/switch`, `/reload`, `/unload`, and the first and last by a model's path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.errors import InvalidRequestError

from .activity import activity
from .base import LLMHandler
from .wire.catalogue import status_body
from .wire.downloads import downloaded_body
from .wire.load_request import load_call, named_load_call, switch_call, unload_name

if TYPE_CHECKING:
    from jupyter_llm.types import ModelStatus

    from .wire.load_request import LoadCall


class LoadHandler(LLMHandler):
    """Brings a model into memory."""

    _track_activity = True

    @web.authenticated
    @authorized("write", "llm")
    async def post(self) -> None:
        """Answer when the model is ready; a client that leaves does not stop the load.

        With a `repo_id` it is downloaded first, and loaded only where `load` is true.
        """
        call = load_call(self.request.body)
        with activity(self.settings):
            name = await self._downloaded(call) if call.repo_id else call.name
            if call.is_to_load:
                await _load(self, name, call)

    async def _downloaded(self, call: LoadCall) -> str:
        """The path of the model that the call wants, when it is on the disk."""
        puller = self.context.puller
        begun = await puller.pull(call.repo_id, call.wanted)
        download = await puller.downloads.wait(begun.id)
        if not call.is_to_load:
            self.finish(downloaded_body(download))
        return download.path


class NamedLoadHandler(LLMHandler):
    """Brings the model that the path names into memory."""

    _track_activity = True

    @web.authenticated
    @authorized("write", "llm")
    async def post(self, name: str) -> None:
        """Answer when the model is ready; the body may hold options."""
        call = named_load_call(self.request.body, name)
        with activity(self.settings):
            await _load(self, call.name, call)


class SwitchHandler(LLMHandler):
    """Makes another model the active one, or loads the same one anew."""

    _track_activity = True

    @web.authenticated
    @authorized("write", "llm")
    async def post(self) -> None:
        """Answer when the new model is ready; no request is dropped on the way."""
        call = switch_call(self.request.body)
        with activity(self.settings):
            status = await self.context.manager.switch(
                call.name, call.options, call.engine, keep_alive_s=call.keep_alive_s
            )
        self.finish(_body(status))


class UnloadHandler(LLMHandler):
    """Takes a model out of memory."""

    _track_activity = True

    @web.authenticated
    @authorized("write", "llm")
    async def post(self) -> None:
        """Answer when the memory is free."""
        name = unload_name(self.request.body) or self._only_model()
        status = await self.context.manager.unload(name)
        self.finish(_body(status))

    def _only_model(self) -> str:
        names = [status.model.id for status in self.context.manager.loaded()]
        if len(names) == 1:
            return names[0]
        found = f"in memory are {', '.join(names)}" if names else "none is in memory"
        raise InvalidRequestError(f"Say which 'model' to unload: {found}.", param="model")


class NamedUnloadHandler(LLMHandler):
    """Takes the model that the path names out of memory."""

    _track_activity = True

    @web.authenticated
    @authorized("write", "llm")
    async def post(self, name: str) -> None:
        """Answer when the memory is free."""
        self.finish(_body(await self.context.manager.unload(name)))


async def _load(handler: LLMHandler, name: str, call: LoadCall) -> None:
    # the first request will need them, and a load leaves the time
    handler.context.response_types.begin()
    status = await handler.context.manager.load(
        name, call.options, call.engine, keep_alive_s=call.keep_alive_s
    )
    handler.finish(_body(status))


def _body(status: ModelStatus) -> dict[str, Any]:
    return {"status": status.state, "id": status.model.id, "model": status_body(status)}
