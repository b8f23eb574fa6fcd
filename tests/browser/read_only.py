"""An authorizer for a server whose users may look at models but not load them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth import Authorizer

if TYPE_CHECKING:
    from jupyter_server.auth import User
    from jupyter_server.base.handlers import JupyterHandler


class ReadOnlyModels(Authorizer):
    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> bool:
        del handler, user
        return resource != "llm" or action == "read"
