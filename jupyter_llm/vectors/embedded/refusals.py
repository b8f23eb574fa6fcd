"""What the engine refuses, in the form of Qdrant's errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

_OWN_FAULTS = ("Service ", "IO ", "Out of ", "Inconsistent")
_MAX_CHARS = 300


class Refusal(Exception):  # noqa: N818 - it is an answer
    """An answer that is an error; `param` names the field of the request."""

    def __init__(self, status: HTTPStatus, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param


def bad(message: str, param: str | None) -> Refusal:
    """The request is wrong."""
    return Refusal(HTTPStatus.BAD_REQUEST, message, param)


@contextmanager
def engine_errors(param: str | None) -> Iterator[None]:
    """Turn what the engine raises into refusals; it has no types for them, only words.

    After a panic its locks may stay closed for ever: then the process ends, and the server starts
    another one.
    """
    try:
        yield
    except Refusal:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise bad(_first_line(error), param) from error
    except Exception as error:
        if str(error).startswith(_OWN_FAULTS):
            raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, _first_line(error)) from error
        raise bad(_first_line(error), param) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(os.EX_SOFTWARE)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_MAX_CHARS]
