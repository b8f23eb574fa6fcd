"""Who is asking: our own API keys beside whatever Jupyter accepts.

The one place that touches Jupyter Server's private names: an identity provider
takes a user that is already set, and `_token_authenticated` is its word for a
request that carries its own proof and so needs no XSRF token.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from jupyter_core.utils import ensure_async
from jupyter_server.auth import User
from tornado.web import HTTPError

from .caller import Caller

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

    from jupyter_llm.registry.keys import ApiKey

    from .base import LLMHandler
    from .context import Context

_AUTHORIZATION = re.compile(r"(?:token|bearer)\s+(.+)", re.IGNORECASE)

KEY_USER = "llm-key:"

_KERNELS = "llm-kernels"
_MADE_UP = re.compile(r"[0-9a-f]{32}")
"""Names that `IdentityProvider.generate_anonymous_user` gives to those it knows nothing of."""


class UnauthenticatedError(HTTPError):
    """No credentials, or none that this server knows."""

    def __init__(self) -> None:
        super().__init__(
            401,
            "No valid credentials. Send 'Authorization: Bearer KEY' with the server's token, "
            "a JupyterHub token, or a key made by 'jupyter llm key create NAME'.",
        )


def take_api_key_header(handler: JupyterHandler) -> None:
    """Read Anthropic's `X-Api-Key` as the bearer of the same key.

    Before anybody looks: it may hold the server's own token or one of the Hub, which Jupyter
    finds in `Authorization` alone.
    """
    headers = handler.request.headers
    key = headers.get("X-Api-Key", "").strip()
    if key and not _AUTHORIZATION.match(headers.get("Authorization", "")):
        headers["Authorization"] = f"Bearer {key}"


def recognise_key(handler: JupyterHandler, context: Context) -> Caller | None:
    """Log the request in if it carries a key of ours; returns whose it is then.

    No cookie is set: a key that is revoked is worth nothing from then on.
    """
    sent = _AUTHORIZATION.match(handler.request.headers.get("Authorization", ""))
    caller = _caller_of(sent.group(1).strip(), context) if sent else None
    if caller is not None:
        handler._jupyter_current_user = User(username=caller.user)  # noqa: SLF001
        handler._token_authenticated = True  # type: ignore[attr-defined]  # noqa: SLF001
    return caller


def _caller_of(secret: str, context: Context) -> Caller | None:
    kernel_key = context.kernel_key
    if kernel_key and hmac.compare_digest(secret.encode(), kernel_key.encode()):
        return Caller(user=_KERNELS)
    key: ApiKey | None = context.keys.verify(secret) if context.keys else None
    return Caller(user=user_of_key(key), key=key) if key else None


def user_of_key(key: ApiKey) -> str:
    """What the user is called that a key stands for."""
    return KEY_USER + key.name


async def identified(handler: JupyterHandler, *, under_hub: bool) -> Caller:
    """Who Jupyter says that it is: a user of the Hub, or an identity that lasts.

    For a request with nothing but the server's token Jupyter makes up a new user. All of
    these are one, as a program that sends a hundred would be a hundred users otherwise.
    """
    user: User = handler.current_user
    if under_hub or not _MADE_UP.fullmatch(user.username):
        return Caller(user=user.username)
    known = await ensure_async(handler.identity_provider.get_user_cookie(handler))
    return Caller(user=user.username if known is not None else "")


def owner_of(handler: LLMHandler) -> str:
    """Whose the stored responses of a request are: a key's, a known user's, else the server's own.

    Jupyter makes a name up for whoever has its token or its password, and another one each
    time that a program sends the token: all of these stand for the one user of the server.
    """
    name = str(getattr(handler.current_user, "username", ""))
    # the Hub makes no names up, and a user's there may look like this
    is_made_up = handler.context.keys is not None and _MADE_UP.fullmatch(name)
    return "" if is_made_up or name == _KERNELS else name


def is_known(handler: JupyterHandler) -> bool:
    """Whether somebody is logged in; before `prepare` is through, nobody is."""
    return bool(getattr(handler, "_jupyter_current_user", None))


async def refuse_strangers_on_open_server(handler: JupyterHandler) -> None:
    """Ask for a session or a key even where Jupyter's authentication is off.

    Jupyter would make up a user for every caller there, and answer what changes
    nothing but refuse the rest for want of an XSRF token.

    Raises:
        UnauthenticatedError: The request brings neither.
    """
    provider = handler.identity_provider
    if provider.auth_enabled or is_known(handler):
        return
    if await ensure_async(provider.get_user_cookie(handler)) is None:
        raise UnauthenticatedError
