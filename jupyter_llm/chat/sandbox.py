"""Where chat templates run: Jinja's sandbox, and no longer than a while.

Templates come with model files, from anybody. The sandbox keeps them from the server's objects,
but would let two loops in each other hold the thread that all requests to a model go through.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from jinja2.runtime import Context

RENDER_TIMEOUT_S = 10.0
"""How long one rendering may take; that of a long conversation takes milliseconds."""

MAX_REPEATED = 1_000_000
"""Characters or items that `*` may make."""

_MAX_BITS = 4096
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as Hugging Face's templates expect it.

    Every loop and every call looks at the clock: nothing else in a template repeats itself.
    """

    intercepted_binops = frozenset(("*", "**"))

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        self.filters |= {"tojson": _to_json, "within_time": _within_time}
        self.globals |= {"raise_exception": _raise_exception, "strftime_now": _strftime_now}
        # they repeat themselves as often as they are told to
        del self.globals["lipsum"], self.filters["slice"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for loop in template.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "within_time", [], [], None, None)
        return template

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: PYI063 - as Jinja names them, so that no argument is called so
        """Call something from a template, in time."""
        _check_time()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`*` and `**`, of which one may take for ever or all memory there is."""
        if operator == "**" and _num_bits(left) * abs(right) > _MAX_BITS:
            raise TemplateError("a power is too large")
        for items, count in ((left, right), (right, left)):
            is_repetition = isinstance(items, str | list | tuple) and isinstance(count, int)
            if is_repetition and len(items) * count > MAX_REPEATED:
                raise TemplateError("a repetition is too long")
        return super().call_binop(context, operator, left, right)


@contextmanager
def in_time() -> Iterator[None]:
    """Let templates run inside the block for `RENDER_TIMEOUT_S`, and end them with an error."""
    token = _deadline.set(time.monotonic() + RENDER_TIMEOUT_S)
    try:
        yield
    finally:
        _deadline.reset(token)


def _check_time() -> None:
    if time.monotonic() > _deadline.get():
        raise TemplateError(f"it took more than {RENDER_TIMEOUT_S:.0f} s")


def _within_time(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _check_time()
        yield item


def _num_bits(value: Any) -> float:
    return value.bit_length() if isinstance(value, int) else math.log2(abs(value) + 2)


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    """JSON as it is; Jinja's own filter escapes it for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)
