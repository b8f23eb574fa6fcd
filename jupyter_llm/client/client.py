"""HTTP to the notebook server's models, synchronous as notebook cells are."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from jupyter_llm.types import Device, Download, ListedModel, Message, ModelState, ModelStatus

from .discovery import find_server
from .failures import error_from_response, readable_transport_errors
from .memory import report_from_json
from .messages import message_body
from .sockets import Sockets
from .sse import events
from .statuses import device_from_json, download_from_json, listed_from_json, status_from_json
from .stream import ChatDelta, deltas

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Iterable, Mapping

    import httpx

    from .events import Listener
    from .memory import MemoryReport
    from .server import Server

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0  # a stream that waits sends a comment every ten seconds or so
LOAD_TIMEOUT_S = 3600.0  # the server's own limit is shorter and has the better message


class Client:
    """The models of one notebook server.

    Args:
        server: The server to talk to; by default the one that started this
            kernel, looked for at the first request.

    Every method raises `ServerNotFoundError` where there is no server, or none
    that lets this kernel in, and the `LLMError` that the server reports.
    """

    def __init__(self, server: Server | None = None) -> None:
        self._given_server = server
        self._sockets = Sockets()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client opens new ones if it is used again."""
        http = self.__dict__.pop("_http", None)
        if http is not None:
            http.close()

    def interrupt(self) -> None:
        """Break off the answer that another thread reads; `LLMError` is raised there.

        The model stops at once, also while it reads the prompt.
        """
        self._sockets.shut_down()

    def copy(self) -> Client:
        """A client of the same server, with connections of its own."""
        return Client(self._given_server)

    @cached_property
    def server(self) -> Server:
        """The server that this client talks to.

        Raises:
            ServerNotFoundError: This kernel has none.
        """
        return self._given_server or find_server()

    def chat(
        self,
        messages: Iterable[Message | Mapping[str, Any]],
        *,
        model: str | None = None,
        **options: Any,
    ) -> Generator[ChatDelta, None, None]:
        """Stream the answer to a conversation.

        The request is sent when the first delta is asked for. Closing the
        generator closes the connection, and that stops the model.

        Args:
            messages: `Message`s, or dicts with `role` and `content`.
            model: Id, alias or path; the server's default model if left out.
            options: Fields of `/v1/chat/completions`: `temperature`,
                `max_tokens`, `seed`, `stop`, …; those that are `None` are not sent.
        """
        body = {
            "messages": [message_body(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **_without_none({"model": model, **options}),
        }
        return self._stream("v1/chat/completions", body)

    def models(self) -> tuple[ModelStatus, ...]:
        """Every model that can be loaded here, and where each stands."""
        return tuple(status_from_json(item) for item in self._get("models")["data"])

    def listing(self) -> tuple[ListedModel, ...]:
        """The same, with what each would take in memory and whether it fits."""
        return tuple(listed_from_json(item) for item in self._get("models")["data"])

    def loaded(self) -> tuple[ModelStatus, ...]:
        """The models that are in memory, on their way into it, or failed to get there."""
        return tuple(s for s in self.models() if s.state is not ModelState.UNLOADED)

    def devices(self) -> tuple[Device, ...]:
        """The memory that models are loaded into, and whose it is."""
        return tuple(device_from_json(item) for item in self._get("vram")["data"])

    def memory(self) -> MemoryReport:
        """The same, and what each model of this server takes of it."""
        return report_from_json(self._get("vram"))

    def load(self, name: str, **options: Any) -> ModelStatus:
        """Load a model; returns when it is ready.

        Args:
            name: Id, alias or path.
            options: Fields of `LoadOptions`, such as `context_length` and
                `slots`, and `backend`, the name of the engine.
        """
        body = {"model": name, **_without_none(options)}
        return status_from_json(self._post("load", body)["model"])

    def switch(self, name: str, **options: Any) -> ModelStatus:
        """Make this the model that answers where a request names none; drops no request.

        Takes what `load` takes, and returns when the model is ready.
        """
        body = {"model": name, **_without_none(options)}
        return status_from_json(self._post("switch", body)["model"])

    def unload(self, name: str) -> ModelStatus:
        """Unload a model; returns when its memory is free. Stops a load under way."""
        return status_from_json(self._post("unload", {"model": name})["model"])

    def model(self, name: str) -> ModelStatus:
        """One model, and where it stands."""
        return status_from_json(self._get(_path_of(name)))

    def remove(self, name: str) -> int:
        """Delete a model's files, after unloading it; returns the bytes that are free now."""
        timeout = _timeout(LOAD_TIMEOUT_S)
        return int(self._send("DELETE", _path_of(name), timeout=timeout)["freed_bytes"])

    def settings(self, name: str) -> dict[str, Any]:
        """What was decided about a model: `aliases`, `options`, `pinned`, `keep_alive_s`."""
        return self._get(f"{_path_of(name)}/settings")

    def change_settings(self, name: str, **changes: Any) -> dict[str, Any]:
        """Decide something about a model, for every server that shares the registry.

        Args:
            name: Id, alias or path.
            changes: `aliases`, `options`, `pinned` and `keep_alive`; those that are
                `None` are taken back, those left out stay.
        """
        return self._post(f"{_path_of(name)}/settings", changes)

    def pull(self, name: str) -> Download:
        """Begin to download `org/repo` or `org/repo:QUANTIZATION`, or go on with it.

        Returns at once: the server downloads, whether or not anybody watches.
        """
        return download_from_json(self._post("api/admin/models/download", {"repo_id": name}))

    def download(self, download_id: str) -> Download:
        """How far a download is."""
        return download_from_json(self._get(f"api/admin/downloads/{download_id}"))

    def downloads(self) -> tuple[Download, ...]:
        """Every download that the server knows."""
        return tuple(map(download_from_json, self._get("api/admin/downloads")["downloads"]))

    def cancel(self, download_id: str) -> Download:
        """Stop a download; what has come stays for the next time."""
        return download_from_json(self._send("DELETE", f"api/admin/downloads/{download_id}"))

    def search(self, text: str, limit: int = 10) -> list[dict[str, Any]]:
        """GGUF models on the Hub whose names fit, the most downloaded first."""
        found = self._get("api/admin/hub", params={"search": text, "limit": limit})
        return list(found["models"])

    def offers(self, repo_id: str) -> list[dict[str, Any]]:
        """What a repository of the Hub has, and whether it fits the server's machine."""
        return list(self._get(f"api/admin/hub/{repo_id}")["files"])

    def events(self, *kinds: str) -> Listener:
        """What happens in the server from now on: events of these kinds, `model` for one.

        A thread follows them for all listeners of this process until the last is closed.
        """
        from .event_stream import stream_of

        return stream_of(self._given_server).listen(kinds)

    def health(self) -> dict[str, Any]:
        """How the server's models are, in the words of `GET /health`."""
        return self._get("health")

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx

        server = self.server
        headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
        return httpx.Client(
            base_url=server.url,
            headers=headers,
            timeout=_timeout(READ_TIMEOUT_S),
            transport=httpx.HTTPTransport(uds=server.socket_path, verify=_verify(server)),
            trust_env=False,  # a proxy must not see the token
        )

    def _get(self, path: str, **request: Any) -> dict[str, Any]:
        return self._send("GET", path, **request)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._send("POST", path, json=body, timeout=_timeout(LOAD_TIMEOUT_S))

    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        http = self._http
        with readable_transport_errors(self.server):
            response = http.request(method, path, **request)
        if not response.is_success:
            raise error_from_response(response, self.server)
        answer: dict[str, Any] = response.json()
        return answer

    def _stream(self, path: str, body: dict[str, Any]) -> Generator[ChatDelta, None, None]:
        http, tracing = self._http, {"trace": self._sockets.trace}
        with (
            readable_transport_errors(self.server),
            http.stream("POST", path, json=body, extensions=tracing) as response,
        ):
            if not response.is_success:
                response.read()
                raise error_from_response(response, self.server)
            yield from deltas(events(response.iter_bytes()))


def _path_of(name: str) -> str:
    return f"api/admin/models/{quote(name)}"


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _timeout(silence_s: float) -> httpx.Timeout:
    import httpx

    return httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S)


def _verify(server: Server) -> ssl.SSLContext | bool:
    """How to check the server's certificate.

    Not at all on this machine: nobody stands in between, and a certificate
    made out to a public name never matches 127.0.0.1.
    """
    if server.is_local or server.url.startswith("http:"):
        return False
    import ssl

    return ssl.create_default_context()
