"""One question about each row of data."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jupyter_llm.errors import InvalidRequestError, RowsFailedError

from .answer_type import answer_type
from .async_client import AsyncClient
from .background import run_watched
from .cache import AnswerCache
from .chat_request import chat_body
from .progress import INTERVAL_S, open_progress
from .row_answers import RowAnswers
from .rows import Rows, is_missing, question
from .work import value_of

if TYPE_CHECKING:
    from .chat_request import Messages
    from .reply import Reply
    from .server import Server

OnError = Literal["warn", "raise", "return"]
_ON_ERROR = ("warn", "raise", "return")
_NUM_TOLD = 3
_REFUSED = ("tools", "images", "n")


@dataclass(frozen=True, kw_only=True, slots=True)
class MapSettings:
    """How rows are asked about; see `LLM.map`. `options` are those of `chat_body`."""

    schema: Any = None
    concurrency: int = 8
    cache: bool = True
    progress: bool | None = None
    on_error: OnError = "warn"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise InvalidRequestError("concurrency is at least 1.", param="concurrency")
        if self.on_error not in _ON_ERROR:
            raise InvalidRequestError(
                f"on_error is one of {', '.join(_ON_ERROR)}.", param="on_error"
            )
        if given := [name for name in _REFUSED if self.options.get(name) is not None]:
            raise InvalidRequestError(
                f"map takes no {given[0]}. A prompt that is a function may return messages with "
                "images; tools are for chat.",
                param=given[0],
            )


class RowMap:
    """The work of `LLM.map`, whoever waits for it."""

    def __init__(
        self,
        data: Iterable[Any],
        prompt: str | Callable[[Any], Messages] | None,
        settings: MapSettings,
    ) -> None:
        self._prompt = prompt
        self._settings = settings
        self._wanted = None if settings.schema is None else answer_type(settings.schema)
        self._shape = Rows(data)
        values = self._shape.values
        self._rows = {n: row for n, row in enumerate(values) if not is_missing(row)}
        self._progress = open_progress(len(self._rows), wanted=settings.progress)

    def run(self, server: Server) -> Any:
        """Do it, while this thread shows how far it is; an interrupt stops the model."""
        try:
            self._progress.show()
            results = run_watched(self._answers(server), self._progress.show, interval_s=INTERVAL_S)
        except BaseException as exc:
            exc.add_note(self._so_far())
            raise
        finally:
            self._progress.finish()
        return self._finished(results)

    async def arun(self, server: Server) -> Any:
        """The same in the caller's event loop."""
        watching = asyncio.create_task(self._watch())
        try:
            results = await self._answers(server)
        except BaseException as exc:
            exc.add_note(self._so_far())
            raise
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._progress.finish()
        return self._finished(results)

    async def _watch(self) -> None:
        while True:
            self._progress.show()
            await asyncio.sleep(INTERVAL_S)

    async def _answers(self, server: Server) -> dict[int, Any]:
        keeps, model = self._settings.cache, self._settings.options.get("model")
        async with AsyncClient(server) as client:
            with AnswerCache() if keeps else nullcontext() as cache:
                answers = RowAnswers(
                    client=client,
                    make_body=self._body,
                    read=self._result,
                    concurrency=self._settings.concurrency,
                    count=self._progress.count,
                    cache=cache,
                    identity=await client.identity(model) if keeps else "",
                )
                return await answers.of(self._rows)

    def _body(self, row: Any) -> dict[str, Any]:
        asked = question(self._prompt, row, self._wanted)
        return chat_body(asked, schema=self._wanted, **self._settings.options)

    def _result(self, reply: Reply) -> Any:
        return reply.text if self._wanted is None else value_of(reply, self._wanted)

    def _finished(self, results: dict[int, Any]) -> Any:
        """The results in the shape of the rows, after saying which have none."""
        errors = {n: item for n, item in results.items() if isinstance(item, Exception)}
        failures = {self._shape.label(number): errors[number] for number in sorted(errors)}
        if failures and self._settings.on_error != "return":
            if len(failures) == len(self._rows) or self._settings.on_error == "raise":
                raise RowsFailedError(self._told(failures), failures=failures)
            warnings.warn(self._told(failures), stacklevel=4)
            results = {number: item for number, item in results.items() if number not in errors}
        in_order = [results.get(number) for number in range(len(self._shape))]
        return self._shape.shaped(in_order, self._wanted)

    def _told(self, failures: dict[str, Exception]) -> str:
        lines = [
            f"{len(failures)} of {len(self._rows)} rows have no answer.",
            *(
                f"Row {label}: {type(error).__name__}: {error}"
                for label, error in list(failures.items())[:_NUM_TOLD]
            ),
        ]
        if len(failures) > _NUM_TOLD:
            lines.append("…")
        if self._settings.cache and len(failures) < len(self._rows):
            lines.append("The same call asks them again, and takes the others from the cache.")
        return "\n".join(lines)

    def _so_far(self) -> str:
        count = self._progress.count
        kept = " The same call goes on from there." if self._settings.cache and count.done else ""
        return f"{count.done - count.failed} of {count.total} rows are answered.{kept}"
