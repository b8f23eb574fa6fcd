"""What every route under `llm/` does alike: who asks, how errors look, what counts as activity."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError

from jupyter_llm.errors import LLMError

from .auth import (
    UnauthenticatedError,
    identified,
    is_known,
    owner_of,
    recognise_key,
    refuse_strangers_on_open_server,
    take_api_key_header,
)
from .caller import Caller, CallerAuthorizer
from .errors import BodyTooLargeError, retry_after, status_of
from .wire.errors import error_body, known_error_body

if TYPE_CHECKING:
    from types import TracebackType

    from jupyter_server.auth import Authorizer

    from .context import Context


# Jupyter answers a page of another origin as if there were nothing
_REFUSALS = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


class LLMHandler(APIHandler):
    """A route of this extension; subclasses decorate each verb for themselves."""

    auth_resource = "llm"
    # pages that poll must not keep an idle server from being culled
    _track_activity = False

    def initialize(self, context: Context) -> None:
        """Take what the route works with."""
        self.context = context
        self.caller = Caller()
        # an error before Jupyter's own prepare, of an odd verb for one, is written for nobody
        self.current_user = None

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's own handlers do
        """Find out who asks, by our own keys first, then by Jupyter's means."""
        if not self.check_host():
            raise HTTPError(
                HTTPStatus.FORBIDDEN,
                "The Host header is not local. Set ServerApp.allow_remote_access if it is yours.",
            )
        if self.request.method == "OPTIONS":
            await super().prepare()
            return
        take_api_key_header(self)
        caller = recognise_key(self, self.context)
        await refuse_strangers_on_open_server(self)
        await self._prepare_with_jupyter()
        under_hub = self.context.keys is None
        self.caller = caller or await identified(self, under_hub=under_hub)
        self.context = self.context.seen_by(self.caller, owner_of(self))
        if len(self.request.body) > self.context.max_body_bytes:
            raise BodyTooLargeError(
                f"The body has {len(self.request.body)} bytes; "
                f"this server takes at most {self.context.max_body_bytes}."
            )

    @property
    def authorizer(self) -> Authorizer:
        """Jupyter's, and before it what the caller's key is for."""
        own = CallerAuthorizer(super().authorizer, self.caller, self.context.quotas)
        return cast("Authorizer", own)

    async def _prepare_with_jupyter(self) -> None:
        """Jupyter's own checks; who is nobody gets 401, whatever it was that failed."""
        try:
            await super().prepare()
        except HTTPError as error:
            if error.status_code not in _REFUSALS:
                raise
            if not is_known(self):
                raise UnauthenticatedError from error
            if error.status_code == HTTPStatus.NOT_FOUND:
                raise HTTPError(
                    HTTPStatus.FORBIDDEN,
                    "Pages of this origin may not use a session here. "
                    "ServerApp.allow_origin allows one.",
                ) from error
            raise
        if not is_known(self):
            raise UnauthenticatedError

    def check_xsrf_cookie(self) -> None:
        """Jupyter's check, with a message that says what to do."""
        try:
            super().check_xsrf_cookie()
        except HTTPError as error:
            if error.status_code != HTTPStatus.FORBIDDEN:
                raise
            raise HTTPError(
                HTTPStatus.FORBIDDEN,
                "A browser's session alone does not authorize this request: send the _xsrf "
                "cookie's value as X-XSRFToken, or an Authorization header.",
            ) from error

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """Answer a preflight; where an origin is allowed, with the headers it asks for.

        Jupyter's own list lacks the `x-stainless-*` headers of OpenAI's clients.
        """
        super().options(*args, **kwargs)
        asked = self.request.headers.get("Access-Control-Request-Headers")
        if asked and (self.allow_origin or self.allow_origin_pat):
            self.set_header("Access-Control-Allow-Headers", asked)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give one of our own errors the status of the table."""
        error = _raised(kwargs)
        super().send_error(
            status_of(error) if isinstance(error, LLMError) else status_code, **kwargs
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write OpenAI's error body."""
        error = _raised(kwargs)
        # send_error has cleared the headers, and a browser must be able to read the error
        self.set_cors_headers()
        if status_code == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", "Bearer")
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self._verbs()))
        if isinstance(error, LLMError):
            if wait := retry_after(error):
                self.set_header("Retry-After", wait)
            self.finish(self.in_form(status_code, known_error_body(status_code, error)))
            return
        body = error_body(
            status_code, _message(status_code, error), param=None, code=_code(status_code)
        )
        self.finish(self.in_form(status_code, body))

    def in_form(self, status_code: int, body: bytes) -> bytes:
        """OpenAI's error body as this route's clients read it."""
        del status_code
        return body

    def _verbs(self) -> list[str]:
        return [
            verb
            for verb in self.SUPPORTED_METHODS
            if getattr(type(self), verb.lower()) is not LLMHandler._unimplemented_method
        ]

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """One line for what is foreseen, a traceback for the rest.

        Without the query, which may hold a token, and without the messages of our own
        errors, which may quote the request.
        """
        where = f"{self.request.method} {self.request.path} ({self.request.remote_ip})"
        if isinstance(value, LLMError):
            self.log.warning("%s: %s", where, value.code)
        elif isinstance(value, HTTPError):
            self.log.warning("%s: %s", where, _message(value.status_code, value))
        elif typ and value:
            self.log.error("Unforeseen error in %s", where, exc_info=(typ, value, tb))


def _raised(kwargs: dict[str, Any]) -> BaseException | None:
    error: BaseException | None = kwargs.get("exc_info", (None, None, None))[1]
    return error


def _message(status_code: int, error: BaseException | None) -> str:
    if isinstance(error, HTTPError) and error.log_message:
        return str(error.log_message % error.args)
    if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "The server failed to answer; its log says why."
    return HTTPStatus(status_code).phrase + "."


def _code(status_code: int) -> str:
    if status_code == HTTPStatus.UNAUTHORIZED:
        return "invalid_api_key"
    if status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return "internal_error"
    return HTTPStatus(status_code).phrase.lower().replace(" ", "_")
