"""Answers of `POST /v1/responses`. Imports `openai`: see `load_response_types`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseFailedEvent,
    ResponseIncompleteEvent,
    ResponseInProgressEvent,
)

from jupyter_llm.handlers.wire.reply import Reply
from jupyter_llm.types import FinishReason

from .events import Events, dump
from .output import Growing, GrowingCall, GrowingContent, GrowingMessage, GrowingReasoning

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from openai.types.responses import ResponseOutputItem

    from jupyter_llm.types import TokenChunk, TokenLogprob, ToolCallDelta

    from .draft import Draft
    from .items import Status

C = TypeVar("C", bound=GrowingContent)


class ResponsesReply(Reply):
    """One response: items that begin, grow and end, between the events of the whole."""

    # OpenAI's streams of this API end with the event that says how the response ended
    ending = b""

    def __init__(self, draft: Draft, *, model: str, **_: Any) -> None:
        # the draft knows the id and the time, and its end always tells the usage
        self._draft = draft
        self._model = model
        self._events = Events()
        self._done: list[ResponseOutputItem] = []
        self._growing: Growing | None = None
        self._logprobs: list[TokenLogprob] = []
        self._has_begun = False

    def events(self, chunk: TokenChunk) -> bytes:
        """Whatever began, grew and ended with this chunk."""
        return b"".join(self._all_events(chunk))

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The `response` object."""
        for chunk in chunks:
            self._skim(chunk)
        return dump(self._draft.ended(self._model, self._done, chunks[-1]))

    def failure(self, error: bytes) -> bytes:
        """`response.failed`, with the items that were complete."""
        begun = b"".join(self._begin())
        message: str = json.loads(error)["error"]["message"]
        response = self._draft.failed(self._model, self._done, message)
        failed = self._events.make(ResponseFailedEvent, "response.failed", response=response)
        return begun + failed

    def _all_events(self, chunk: TokenChunk) -> Iterator[bytes]:
        yield from self._begin()
        yield from self._grow(chunk)
        if chunk.finish_reason:
            yield from self._end(chunk)

    def _skim(self, chunk: TokenChunk) -> None:
        """Take a chunk in without telling of it."""
        for _ in self._grow(chunk):
            pass
        if chunk.finish_reason:
            self._close(chunk.finish_reason)

    def _begin(self) -> Iterator[bytes]:
        if self._has_begun:
            return
        self._has_begun = True
        response = self._draft.begun(self._model)
        yield self._events.make(ResponseCreatedEvent, "response.created", response=response)
        yield self._events.make(ResponseInProgressEvent, "response.in_progress", response=response)

    def _grow(self, chunk: TokenChunk) -> Iterator[bytes]:
        if chunk.reasoning:
            thoughts = yield from self._turn_to(GrowingReasoning)
            yield thoughts.grow(chunk.reasoning)
        # a token may have a log-probability before it has text, or be none of the text at all
        is_text = not chunk.reasoning and not chunk.tool_calls
        self._logprobs = [*self._logprobs, *chunk.logprobs] if is_text else []
        if chunk.text:
            message = yield from self._turn_to(GrowingMessage)
            yield message.grow(chunk.text, self._logprobs)
            self._logprobs = []
        for delta in chunk.tool_calls:
            call = yield from self._turn_to_call(delta)
            if delta.arguments:
                yield call.grow(delta.arguments)

    def _end(self, chunk: TokenChunk) -> Iterator[bytes]:
        reason = chunk.finish_reason or FinishReason.STOP
        yield self._close(reason)
        response = self._draft.ended(self._model, self._done, chunk)
        if reason is FinishReason.LENGTH:
            event = self._events.make(
                ResponseIncompleteEvent, "response.incomplete", response=response
            )
        else:
            event = self._events.make(
                ResponseCompletedEvent, "response.completed", response=response
            )
        yield event

    def _close(self, reason: FinishReason) -> bytes:
        """End the last item; an answer without any has said nothing, which is a message, too."""
        events = b""
        if self._growing is None and not self._done:
            events = b"".join(self._turn_to(GrowingMessage))
        return events + self._finish(is_cut=reason is FinishReason.LENGTH)

    def _turn_to(self, kind: type[C]) -> Generator[bytes, None, C]:
        """Go on with an item of this kind, a new one if another kind was growing."""
        if isinstance(self._growing, kind):
            return self._growing
        yield self._finish()
        item = kind(self._events, self._draft.response_id, len(self._done))
        yield self._start(item)
        return item

    def _turn_to_call(self, delta: ToolCallDelta) -> Generator[bytes, None, GrowingCall]:
        if isinstance(self._growing, GrowingCall) and self._growing.index == delta.index:
            return self._growing
        yield self._finish()
        call = GrowingCall(self._events, self._draft.response_id, len(self._done), first=delta)
        yield self._start(call)
        return call

    def _start(self, item: Growing) -> bytes:
        self._growing = item
        return item.begin()

    def _finish(self, *, is_cut: bool = False) -> bytes:
        item, self._growing = self._growing, None
        if item is None:
            return b""
        status: Status = "incomplete" if is_cut else "completed"
        events = item.end(status)
        self._done.append(item.item(status))
        return events
