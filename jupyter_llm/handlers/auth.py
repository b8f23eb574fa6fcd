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

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

    from .context import Context

_AUTHORIZATION = re.compile(r"(?:token|bearer)\s+(.+)", re.IGNORECASE)

KEY_USER = "llm-key:"

# what `IdentityProvider.generate_anonymous_user` calls them
_MADE_UP = re.compile(r"[0-9a-f]{32}")


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


def recognise_key(handler: JupyterHandler, context: Context) -> None:
    """Log the request in if it carries a key of ours.

    No cookie is set: a key that is revoked is worth nothing from then on.
    """
    sent = _AUTHORIZATION.match(handler.request.headers.get("Authorization", ""))
    name = _name_of_key(sent.group(1).strip(), context) if sent else None
    if name is not None:
        handler._jupyter_current_user = User(username=KEY_USER + name)  # noqa: SLF001
        handler._token_authenticated = True  # type: ignore[attr-defined]  # noqa: SLF001


def _name_of_key(secret: str, context: Context) -> str | None:
    kernel_key = context.kernel_key
    if kernel_key and hmac.compare_digest(secret.encode(), kernel_key.encode()):
        return "kernel"
    key = context.keys.verify(secret) if context.keys else None
    return key.name if key else None


def owner_of(handler: JupyterHandler) -> str:
    """Whose the stored responses of a request are: a key's, a known user's, else the server's own.

    Jupyter makes a name up for whoever has its token or its password, and another one each
    time that a program sends the token: all of these stand for the one user of the server.
    """
    name = str(getattr(handler.current_user, "username", ""))
    is_servers_own = name == KEY_USER + "kernel" or _MADE_UP.fullmatch(name)
    return "" if is_servers_own else name


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
