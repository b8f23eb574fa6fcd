"""Who sent a request, and what their key lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_core.utils import ensure_async

from jupyter_llm.errors import ForbiddenError
from jupyter_llm.manager.quotas import Quota

if TYPE_CHECKING:
    from jupyter_server.auth import Authorizer, User
    from jupyter_server.base.handlers import JupyterHandler

    from jupyter_llm.manager.quotas import Quotas
    from jupyter_llm.registry.keys import ApiKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """`user` is whom a model is shared with, empty for whoever has the server's token alone.

    `key` is the API key that they sent, if it was one.
    """

    user: str = ""
    key: ApiKey | None = None

    @property
    def quota(self) -> Quota:
        """What the key itself may have."""
        if self.key is None:
            return Quota()
        return Quota(
            requests_per_minute=self.key.requests_per_minute,
            tokens_per_day=self.key.tokens_per_day,
        )

    def check_scope(self, action: str) -> None:
        """See that the key was made for this.

        Raises:
            ForbiddenError: It was not; the message names the scope.
        """
        if self.key is None or action in self.key.scopes:
            return
        raise ForbiddenError(
            f"The key '{self.key.name}' has no scope '{action}', only "
            f"{', '.join(self.key.scopes)}. Make one with: jupyter llm key create NAME "
            f"--scope {action}"
        )

    def check_may_manage_keys(self) -> None:
        """See that this caller may make keys: those could do more than a limited one.

        Raises:
            ForbiddenError: The key is limited in some way.
        """
        if self.key is not None and self.key.is_limited:
            raise ForbiddenError(
                f"The key '{self.key.name}' is limited, and so may not see to other keys. Use the "
                "server's token, or 'jupyter llm key'."
            )

    def check_may_know_all_models(self) -> None:
        """See that this caller may be told of every model.

        Raises:
            ForbiddenError: The key is for some of them.
        """
        if self.key is not None and self.key.models is not None:
            raise ForbiddenError(
                f"The key '{self.key.name}' is for some models only, and this tells of all. Use a "
                "key without --model."
            )


class CallerAuthorizer:
    """Asks the key first, then Jupyter's authorizer, then the quotas of the user.

    It does what Jupyter's `Authorizer` does, and is none: each request has one, and an object with
    traits takes longer to make than to ask.
    """

    def __init__(self, authorizer: Authorizer, caller: Caller, quotas: Quotas) -> None:
        self._authorizer = authorizer
        self._caller = caller
        self._quotas = quotas

    async def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> bool:
        """Whether the caller may do this; a request to a model is counted.

        Raises:
            ForbiddenError: Their key is not for this.
            QuotaExceededError: They have had what they may have.
        """
        self._caller.check_scope(action)
        allowed = self._authorizer.is_authorized(handler, user, action, resource)
        if not await ensure_async(allowed):
            return False
        if action == "execute":
            self._quotas.take_request(self._caller.user, self._caller.quota)
        return True
