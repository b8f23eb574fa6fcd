"""What went wrong at the server, as an error of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jupyter_llm import errors
from jupyter_llm.errors import LLMError, ServerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .server import Server

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404

_CLASSES = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, LLMError)
}


def error_from_body(body: dict[str, Any], *, retry_after_s: float | None = None) -> LLMError:
    """The error that an OpenAI error body describes; its class follows from `code`."""
    error = body["error"]
    if not isinstance(error, dict):
        error = {"message": str(error)}
    kind = _CLASSES.get(error.get("code") or "", LLMError)
    message = error.get("message") or "The server reported an error without saying which."
    return kind(message, param=error.get("param"), retry_after_s=retry_after_s)


def error_from_response(response: httpx.Response, server: Server) -> LLMError:
    """The error that a response with status 4xx or 5xx, already read, stands for."""
    body, status = _json(response), response.status_code
    explained = isinstance(body, dict) and "error" in body
    if status == _UNAUTHORIZED or (status == _FORBIDDEN and not explained):
        return _refused(server, error_from_body(body).message if explained else "")
    if explained:
        return error_from_body(body, retry_after_s=_seconds(response.headers.get("Retry-After")))
    return _no_extension(server) if status == _NOT_FOUND else _unexplained(response)


@contextmanager
def readable_transport_errors(server: Server) -> Iterator[None]:
    """Translate what httpx raises into errors that say what to do."""
    import httpx

    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
        raise ServerNotFoundError(
            f"Nothing answers at {server.url} (found by {server.found_by}): {exc}. "
            "If the Jupyter server was restarted, restart this kernel, "
            "so that it gets the new address."
        ) from exc
    except httpx.TimeoutException as exc:
        raise LLMError(
            f"The server at {server.url} accepted the request and then stayed silent for too long."
        ) from exc
    except httpx.TransportError as exc:
        raise LLMError(
            f"The connection to {server.url} broke before the answer was complete: {exc}"
        ) from exc


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _refused(server: Server, said: str = "") -> ServerNotFoundError:
    return ServerNotFoundError(
        f"The server at {server.url} refuses the token from {server.found_by}. "
        "If the Jupyter server was restarted, restart this kernel, so that it gets the new one."
        + (f" The server says: {said}" if said else "")
    )


def _no_extension(server: Server) -> ServerNotFoundError:
    return ServerNotFoundError(
        f"A Jupyter server answers at {server.url}, but it does not run jupyter-llm. "
        "Install it into the environment of the server (`pip install jupyter-llm`) "
        "and restart the server."
    )


def _unexplained(response: httpx.Response) -> LLMError:
    return LLMError(
        f"{response.request.method} {response.url} was answered with {response.status_code} "
        f"{response.reason_phrase} and no explanation; the server's log has more."
    )


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
