"""`/api/admin/keys`: API keys over HTTP, as `jupyter llm key` sees to them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.errors import InvalidRequestError

from .auth import user_of_key
from .base import LLMHandler
from .wire.keys import created_body, key_body, key_call

if TYPE_CHECKING:
    from jupyter_llm.registry.keys import KeyStore


class KeyRoute(LLMHandler):
    """What the routes below have in common."""

    def store(self) -> KeyStore:
        """The keys, for a caller who may see to them.

        Raises:
            ForbiddenError: The caller's own key is limited.
            InvalidRequestError: Under JupyterHub there are none.
        """
        self.caller.check_may_manage_keys()
        if self.context.keys is None:
            raise InvalidRequestError(
                "Under JupyterHub this server takes the Hub's tokens alone: make one at /hub/token."
            )
        return self.context.keys


class KeysHandler(KeyRoute):
    """`/api/admin/keys`."""

    @web.authenticated
    @authorized("write", "llm")
    async def get(self) -> None:
        """List the keys, what each is for and what it has used today."""
        keys = await asyncio.to_thread(self.store().keys)
        spent = self.context.quotas.spent_today
        self.finish({"keys": [key_body(key, spent(user_of_key(key))) for key in keys]})

    @web.authenticated
    @authorized("write", "llm")
    async def post(self) -> None:
        """Make a key; the answer alone has its secret."""
        store, asked = self.store(), key_call(self.request.body)
        key, secret = await asyncio.to_thread(
            store.create, asked.name, asked.grant, expires_days=asked.expires_days
        )
        self.set_status(HTTPStatus.CREATED)
        self.set_header("Cache-Control", "no-store")
        self.finish(created_body(key, secret))


class KeyHandler(KeyRoute):
    """`/api/admin/keys/{name}`."""

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, name: str) -> None:
        """Revoke a key: whoever uses it is refused from now on."""
        store = self.store()
        if all(key.name != name for key in await asyncio.to_thread(store.keys)):
            raise web.HTTPError(HTTPStatus.NOT_FOUND, "There is no key named '%s'.", name)
        await asyncio.to_thread(store.revoke, name)
        self.finish({"status": "revoked", "name": name})
