"""What the routes of the embedded database do alike."""

from __future__ import annotations

import hmac
import re
import sys
import time
import traceback
from http import HTTPStatus
from typing import Any

import msgspec
from tornado.web import RequestHandler

from jupyter_llm.vectors.embedded import bodies
from jupyter_llm.vectors.embedded.figures import Figures
from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.refusals import Refusal

_IN_PATH = re.compile(r"(?<=/collections/)[^/]+")


class Handler(RequestHandler):
    """A route; answers and errors have Qdrant's form."""

    def initialize(self, folder: Folder, key: str, figures: Figures) -> None:
        """Take what the route works with."""
        self.folder = folder
        self.key = key
        self.figures = figures
        self.began_at = time.perf_counter()

    def prepare(self) -> None:
        """Let nobody in without the key."""
        given = self.request.headers.get("api-key", "")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "Must provide an API key")

    def read(self, kind: type[bodies.T]) -> bodies.T:
        """The body of the request."""
        return bodies.read(self.request.body, kind)

    def answer(self, result: Any) -> None:
        """Finish with a result."""
        self.write_json({"result": result, "status": "ok", "time": self._elapsed_s()})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An error as Qdrant tells it, and beside it the field that is wrong."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            self.set_status(error.status)
        message = str(error) if error else HTTPStatus(status_code).phrase
        param = getattr(error, "param", None)
        told = {"status": {"error": message}, "time": self._elapsed_s(), "param": param}
        self.write_json(told)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Tell of what is not foreseen alone."""
        if not isinstance(value, Refusal):
            traceback.print_exception(typ, value, tb, file=sys.stderr)

    def on_finish(self) -> None:
        """Count the answer."""
        self.figures.count(
            method=self.request.method or "",
            endpoint=_IN_PATH.sub("{collection_name}", self.request.path),
            status=self.get_status(),
            duration_s=self._elapsed_s(),
        )

    def _elapsed_s(self) -> float:
        return time.perf_counter() - self.began_at

    def write_json(self, body: Any) -> None:
        """Finish with a body."""
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(body))
