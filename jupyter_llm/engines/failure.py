"""An error of ours on its way from one process to another."""

from __future__ import annotations

import traceback

from msgspec import Struct

from jupyter_llm.errors import LLMError


class Failure(Struct, frozen=True):
    """The class of an error by name, and all that the error carries.

    `trace` is where an error came from that nobody raised on purpose.
    """

    kind: str
    message: str
    param: str | None = None
    retry_after_s: float | None = None
    trace: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Take `error` apart."""
        if isinstance(error, LLMError):
            kind = type(error).__name__
            return cls(kind, error.message, error.param, error.retry_after_s)
        trace = "".join(traceback.format_exception(error))
        return cls(LLMError.__name__, f"The engine failed: {error!r}", trace=trace)

    def to_error(self) -> LLMError:
        """Put the error together again."""
        kind = _error_classes().get(self.kind, LLMError)
        error = kind(self.message, param=self.param, retry_after_s=self.retry_after_s)
        if self.trace:
            error.add_note(self.trace)
        return error


def _error_classes() -> dict[str, type[LLMError]]:
    known: dict[str, type[LLMError]] = {}
    waiting: list[type[LLMError]] = [LLMError]
    while waiting:
        kind = waiting.pop()
        known[kind.__name__] = kind
        waiting.extend(kind.__subclasses__())
    return known
