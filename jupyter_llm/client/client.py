"""HTTP to the notebook server's models, synchronous as notebook cells are."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from jupyter_llm.errors import ForbiddenError
from jupyter_llm.types import Device, Download, Embeddings, ListedModel, ModelState, ModelStatus

from .chat_request import without_none
from .discovery import find_server
from .failures import error_from_response, readable_transport_errors
from .memory import report_from_json
from .sockets import Sockets
from .sse import events
from .statuses import device_from_json, download_from_json, listed_from_json, status_from_json
from .stream import ChatDelta, deltas
from .transport import WORK_TIMEOUT_S, settings_for, timeout, verify
from .work import Work, completion, default_model, embedding, extraction, identity, streamed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    import httpx

    from .chat_request import Messages
    from .events import Listener
    from .memory import MemoryReport
    from .reply import Reply
    from .server import Server


T = TypeVar("T")


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
        self, messages: Messages, *, model: str | None = None, **options: Any
    ) -> Generator[ChatDelta, None, None]:
        """Stream the answer to a conversation.

        The request is sent when the first delta is asked for. Closing the
        generator closes the connection, and that stops the model.

        Args:
            messages: A question, or `Message`s, or dicts with `role` and `content`.
            model: Id, alias or path; the server's default model if left out.
            options: `system`, `schema`, `tools` and `images`, see `chat_body`, and fields of
                `/v1/chat/completions`: `temperature`, `max_tokens`, `seed`, `stop`, …; those
                that are `None` are not sent.
        """
        return self.stream(completion(messages, model=model, **options))

    def complete(self, messages: Messages, *, model: str | None = None, **options: Any) -> Reply:
        """The same in one piece, which costs both sides less; takes what `chat` takes."""
        return self.do(completion(messages, model=model, **options))

    def embed(
        self, texts: Iterable[str], *, model: str | None = None, **options: Any
    ) -> Embeddings:
        """The vectors of texts, in their order; `dimensions` is one of the options."""
        return self.do(embedding(texts, model=model, **options))

    def extract(
        self, text: str, schema: Any = None, *, model: str | None = None, **options: Any
    ) -> Any:
        """Data out of a text, as a value of the type `schema`; any JSON object without one.

        Raises:
            AnswerFormatError: The answer was cut at `max_tokens`, or the type refuses it.
        """
        return self.do(extraction(text, schema, model=model, **options))

    def do(self, work: Work[T]) -> T:
        """Have the server do something in one piece."""
        limit = timeout(WORK_TIMEOUT_S)
        return work.read(self._send(work.verb, work.path, json=work.body, timeout=limit))

    def stream(self, work: Work[Reply]) -> Generator[ChatDelta, None, None]:
        """Stream the reply to a conversation; closing the generator stops the model."""
        http, tracing = self._http, {"trace": self._sockets.trace}
        with (
            readable_transport_errors(self.server),
            http.stream(
                "POST", work.path, json=streamed(work).body, extensions=tracing
            ) as response,
        ):
            if not response.is_success:
                response.read()
                raise error_from_response(response, self.server)
            yield from deltas(events(response.iter_bytes()))

    def identity(self, model: str | None) -> str:
        """What stays the same while the model, or the default one, answers as it does now."""
        try:
            if not model:
                model = self.do(default_model())
            return self.do(identity(model)) if model else ""
        except ForbiddenError:  # a key that may only ask
            return f"{self.server.url} {model or ''}"

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
        body = {"model": name, **without_none(options)}
        return status_from_json(self._post("load", body)["model"])

    def switch(self, name: str, **options: Any) -> ModelStatus:
        """Make this the model that answers where a request names none; drops no request.

        Takes what `load` takes, and returns when the model is ready.
        """
        body = {"model": name, **without_none(options)}
        return status_from_json(self._post("switch", body)["model"])

    def unload(self, name: str) -> ModelStatus:
        """Unload a model; returns when its memory is free. Stops a load under way."""
        return status_from_json(self._post("unload", {"model": name})["model"])

    def model(self, name: str) -> ModelStatus:
        """One model, and where it stands."""
        return status_from_json(self._get(_path_of(name)))

    def remove(self, name: str) -> int:
        """Delete a model's files, after unloading it; returns the bytes that are free now."""
        limit = timeout(WORK_TIMEOUT_S)
        return int(self._send("DELETE", _path_of(name), timeout=limit)["freed_bytes"])

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

    def status(self) -> dict[str, Any]:
        """The server at a glance, in the words of `GET /api/admin/status`."""
        return self._get("api/admin/status")

    def records(self) -> list[dict[str, Any]]:
        """Every model with its `settings` and its `usage`, as `GET /api/admin/models` tells."""
        return list(self._get("api/admin/models")["models"])

    def adapters(self) -> tuple[str, ...]:
        """The names of the LoRA adapters that models can be loaded with."""
        return tuple(adapter["id"] for adapter in self._get("models")["adapters"])

    def unusable(self) -> list[dict[str, str]]:
        """Files that look like models and cannot be used: `id`, `path` and the `error`."""
        return list(self._get("models")["unusable"])

    def backends(self) -> list[dict[str, Any]]:
        """The engines: installed or not, what they read, and what installs one."""
        return list(self._get("backends")["data"])

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx

        server = self.server
        transport = httpx.HTTPTransport(uds=server.socket_path, verify=verify(server))
        return httpx.Client(transport=transport, **settings_for(server))

    def _get(self, path: str, **request: Any) -> dict[str, Any]:
        return self._send("GET", path, **request)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._send("POST", path, json=body, timeout=timeout(WORK_TIMEOUT_S))

    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        http = self._http
        with readable_transport_errors(self.server):
            response = http.request(method, path, **request)
        if not response.is_success:
            raise error_from_response(response, self.server)
        answer: dict[str, Any] = response.json()
        return answer


def _path_of(name: str) -> str:
    return f"api/admin/models/{quote(name)}"
