"""HTTP to the notebook server's models, synchronous as notebook cells are."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from jupyter_llm.errors import ForbiddenError
from jupyter_llm.types import Embeddings

from .administration import Administration
from .discovery import find_server
from .failures import error_from_response, readable_transport_errors
from .sockets import Sockets
from .sse import events
from .stream import ChatDelta, deltas
from .transport import WORK_TIMEOUT_S, settings_for, timeout, verify
from .work import Work, completion, default_model, embedding, extraction, identity, streamed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    import httpx

    from .chat_request import Messages
    from .events import Listener
    from .reply import Reply
    from .server import Server


T = TypeVar("T")


class Client(Administration):
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

    def events(self, *kinds: str) -> Listener:
        """What happens in the server from now on: events of these kinds, `model` for one.

        A thread follows them for all listeners of this process until the last is closed.
        """
        from .event_stream import stream_of

        return stream_of(self._given_server).listen(kinds)

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx

        server = self.server
        transport = httpx.HTTPTransport(uds=server.socket_path, verify=verify(server))
        return httpx.Client(transport=transport, **settings_for(server))

    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        http = self._http
        with readable_transport_errors(self.server):
            response = http.request(method, path, **request)
        if not response.is_success:
            raise error_from_response(response, self.server)
        answer: dict[str, Any] = response.json()
        return answer
