"""HTTP to one service: whom it calls, with which key, and what is tried again.

httpx keeps connections open from one request to the next, and reads no faster than its reader.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.engines.remote.failures import error_of
from jupyter_llm.errors import LLMError, ModelLoadError, UpstreamError

if TYPE_CHECKING:
    import httpx

    from jupyter_llm.engines.remote.settings import Remote

_CONNECT_TRIES = 3
_PAUSE_S = 0.1
_MAX_ERROR_BYTES = 64 << 10
_MAX_BODY_BYTES = 256 << 20
_KEEP_CONNECTIONS_S = 30.0
_HEALTH_TIMEOUT_S = 10.0
_SECRET_CHARS = 6
"""What is shorter is no secret, and would be missing from messages everywhere."""


class ListedModel(msgspec.Struct):
    """A model of `GET /models`; the context is vLLM's and our own word for it."""

    id: str = ""
    max_model_len: int | None = None
    context_length: int | None = None


class _Listing(msgspec.Struct):
    data: list[ListedModel] = []


class Upstream:
    """One service, made by `open`; `secrets` are what must not leave this server."""

    def __init__(self, remote: Remote, http: httpx.AsyncClient, secrets: tuple[str, ...]) -> None:
        self.remote = remote
        self.secrets = secrets
        self._http = http

    @classmethod
    async def open(cls, remote: Remote) -> Upstream:
        """Read the key and get ready to call; nothing is sent yet.

        Raises:
            ModelLoadError: The key or the certificates cannot be read.
        """
        return await asyncio.to_thread(_opened, remote)

    async def models(self) -> list[ListedModel]:
        """What the service says it has; nothing where it answers without a list.

        Raises:
            ModelLoadError: It does not answer, or refuses the key.
        """
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S + self.remote.connect_timeout_s):
                body = await self.whole("models", None)
        except TimeoutError:
            raise ModelLoadError(
                f"The service {self.remote.id!r} did not answer within {_HEALTH_TIMEOUT_S:.0f} s."
            ) from None
        except MissingRouteError:
            return []  # it lives, and has no list
        except LLMError as error:
            raise ModelLoadError(error.message, retry_after_s=error.retry_after_s) from error
        try:
            return msgspec.json.decode(body, type=_Listing).data
        except msgspec.MsgspecError:
            return []

    async def whole(self, route: str, body: bytes | None) -> bytes:
        """The whole answer of a route.

        Raises:
            LLMError: What `stream` raises.
        """
        collected = bytearray()
        async with self.stream(route, body) as parts:
            async for part in parts:
                collected += part
                if len(collected) > _MAX_BODY_BYTES:
                    raise UpstreamError(f"The service {self.remote.id!r} answered without end.")
        return bytes(collected)

    @asynccontextmanager
    async def stream(
        self, route: str, body: bytes | None
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The answer of a route as it comes; leaving the block closes the connection.

        Raises:
            LLMError: The service cannot be reached, refuses, or breaks off.
        """
        import httpx

        try:
            response = await self._sent(route, body)
            try:
                if not response.is_success:
                    raise await self._failure(response)
                yield _parts(response)
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise UpstreamError(self._words(error)) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _sent(self, route: str, body: bytes | None) -> httpx.Response:
        """Send a request; again only where nothing has come of it.

        That is so where no connection came about; and, once, where the other side closed it
        before a byte of an answer, as happens to connections that were kept.
        """
        import httpx

        for number in range(1, _CONNECT_TRIES + 1):
            request = self._http.build_request(
                "GET" if body is None else "POST", route, content=body
            )
            try:
                return await self._http.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == _CONNECT_TRIES:
                    raise
                await asyncio.sleep(_PAUSE_S * number)
            except httpx.RemoteProtocolError as error:
                if number > 1 or "without sending a response" not in str(error):
                    raise
        raise AssertionError  # the last try returns or raises

    async def _failure(self, response: httpx.Response) -> LLMError:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _MAX_ERROR_BYTES:
                break
        if response.status_code in {404, 405} and response.request.method == "GET":
            return MissingRouteError("There is no such route.")
        return error_of(
            self.remote.id, response.status_code, bytes(body), response.headers, self.secrets
        )

    def _words(self, error: httpx.TransportError) -> str:
        import httpx

        who = f"The service {self.remote.id!r}"
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return f"{who} cannot be reached."
        if isinstance(error, httpx.TimeoutException):
            return f"{who} was silent for {self.remote.timeout_s:.0f} s."
        return f"{who} closed the connection before its answer was complete."


class MissingRouteError(UpstreamError):
    """The service lives and does not know this path."""


async def _parts(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    is_plain = "content-encoding" not in response.headers
    async for part in response.aiter_raw() if is_plain else response.aiter_bytes():
        yield part


def _opened(remote: Remote) -> Upstream:
    """In a thread: it imports httpx and reads files."""
    import httpx

    key = remote.key.read()
    headers: dict[str, str] = {
        "Content-Type": "application/json",
        # to be passed on as it comes
        "Accept-Encoding": "identity",
        **({"Authorization": f"Bearer {key}"} if key else {}),
        **remote.headers,
    }
    is_https = remote.url.startswith("https:")
    http = httpx.AsyncClient(
        base_url=f"{remote.url}/",
        headers=headers,
        timeout=httpx.Timeout(remote.timeout_s, connect=remote.connect_timeout_s),
        limits=httpx.Limits(
            max_connections=None,
            max_keepalive_connections=remote.concurrency,
            keepalive_expiry=_KEEP_CONNECTIONS_S,
        ),
        verify=_certificates(remote) if is_https else False,
        # a proxy sees the key of what is not encrypted
        trust_env=is_https,
        follow_redirects=False,
    )
    secrets = (key, *remote.headers.values())
    return Upstream(remote, http, tuple(one for one in secrets if len(one) >= _SECRET_CHARS))


def _certificates(remote: Remote) -> Any:
    try:
        return ssl.create_default_context(cafile=remote.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ModelLoadError(f"{remote.ca_file} holds no certificates: {error}.") from None
