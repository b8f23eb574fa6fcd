"""HTTP to one server of a service: whom it calls, with which key, and what is tried again."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from jupyter_llm.engines.remote.failures import error_of
from jupyter_llm.errors import LLMError, ModelLoadError, UpstreamError
from jupyter_llm.outbound.connection import ClosedError
from jupyter_llm.outbound.connections import Connections, UnreachableError
from jupyter_llm.outbound.exchange import Exchange

if TYPE_CHECKING:
    from jupyter_llm.engines.remote.settings import Endpoint, Remote
    from jupyter_llm.outbound.exchange import Take

_TRIES = 3
_PAUSE_S = 0.1
HEALTH_TIMEOUT_S = 10.0
_SECRET_CHARS = 6
"""What is shorter is no secret, and would be missing from messages everywhere."""

_MISSING = {404, 405}


class ListedModel(msgspec.Struct):
    """A model of `GET /models`; the context is vLLM's and our own word for it."""

    id: str = ""
    max_model_len: int | None = None
    context_length: int | None = None


class _Listing(msgspec.Struct):
    data: list[ListedModel] = []


class MissingRouteError(UpstreamError):
    """The service lives and does not know this path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What opens a service; `secrets` are what must not leave this server."""

    headers: dict[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    certificates: ssl.SSLContext | None = None

    @classmethod
    async def to(cls, remote: Remote) -> Access:
        """Read the key and the certificates; nothing is sent yet.

        Raises:
            ModelLoadError: They cannot be read.
        """
        return await asyncio.to_thread(_access, remote)


class Upstream:
    """One server of a service."""

    def __init__(self, remote: Remote, endpoint: Endpoint, access: Access) -> None:
        self.remote = remote
        self.endpoint = endpoint
        self.secrets = access.secrets
        parts = urlsplit(endpoint.url)
        self._headers = {"Host": parts.netloc, **access.headers}
        self._path = parts.path
        self._connections = Connections(
            endpoint.url,
            socket_path=endpoint.socket,
            certificates=access.certificates,
            connect_timeout_s=remote.connect_timeout_s,
            max_idle=remote.concurrency,
        )

    async def models(self, patience_s: float = HEALTH_TIMEOUT_S) -> list[ListedModel]:
        """What the service says it has; nothing where it answers without a list.

        `patience_s` is how long the answer may take, once there is a connection.

        Raises:
            ModelLoadError: It does not answer, or refuses the key.
        """
        try:
            async with asyncio.timeout(patience_s + self.remote.connect_timeout_s):
                body = await self.whole("models", b"")
        except TimeoutError:
            raise ModelLoadError(
                f"The service {self.remote.id!r} did not answer within {patience_s:.0f} s."
            ) from None
        except MissingRouteError:
            return []  # it lives, and has no list
        except LLMError as error:
            raise ModelLoadError(error.message, retry_after_s=error.retry_after_s) from error
        try:
            return msgspec.json.decode(body, type=_Listing).data
        except msgspec.MsgspecError:
            return []

    async def whole(self, route: str, body: bytes) -> bytes:
        """The whole answer of a route; a request without a body is a GET.

        Raises:
            LLMError: What `fetch` raises.
        """
        parts: list[bytes] = []
        await self.fetch(route, body, parts.append)
        return b"".join(parts)

    async def fetch(self, route: str, body: bytes, take: Take, *, insists: bool = True) -> None:
        """Send a request and give the answer to `take` as it comes.

        Sent again only where nothing has come of it: no connection came about, unless somebody
        else can be asked and it `insists` not, or one that had been kept was closed by the other
        side before a byte of an answer.

        Raises:
            LLMError: The service cannot be reached, refuses, is silent, or breaks off.
        """
        for number in range(1, _TRIES + 1):
            try:
                connection, is_used = await self._connections.take()
            except UnreachableError as error:
                if number == _TRIES or not insists:
                    raise UpstreamError(f"{self._who}: {error}.") from error
                await asyncio.sleep(_PAUSE_S * number)
                continue
            exchange = Exchange(connection, take, self.remote.timeout_s)
            method, path = "POST" if body else "GET", f"{self._path}/{route}"
            try:
                await exchange.run(method, path, self._headers, body)
            except ClosedError:
                if is_used and not exchange.status and number < _TRIES:
                    continue
            except TimeoutError as error:
                silent = f"{self._who} was silent for {self.remote.timeout_s:.0f} s."
                raise UpstreamError(silent) from error
            if exchange.is_open:
                self._connections.give_back(connection)
            self._check(exchange, method)
            return

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._connections.close()

    @property
    def _who(self) -> str:
        return f"The service {self.remote.id!r}"

    def _check(self, exchange: Exchange, method: str) -> None:
        """See that an answer is a success, and whole."""
        if exchange.status in _MISSING and method == "GET":
            raise MissingRouteError("There is no such route.")
        if not exchange.is_over:
            raise UpstreamError(
                f"{self._who} closed the connection before its answer was complete."
            )
        if not 200 <= exchange.status < 300:  # noqa: PLR2004 - the codes of success
            raise error_of(
                self.remote.id,
                exchange.status,
                exchange.error_body,
                exchange.headers,
                self.secrets,
            )


def _access(remote: Remote) -> Access:
    """In a thread: it reads files."""
    key = remote.key.read()
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    is_https = any(one.url.startswith("https:") for one in remote.endpoints)
    return Access(
        headers={"Content-Type": "application/json", **authorization, **remote.headers},
        secrets=tuple(one for one in (key, *remote.headers.values()) if len(one) >= _SECRET_CHARS),
        certificates=_certificates(remote) if is_https else None,
    )


def _certificates(remote: Remote) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=remote.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ModelLoadError(f"{remote.ca_file} holds no certificates: {error}.") from None
