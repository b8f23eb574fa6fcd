"""The items that an answer grows, one after another. Imports `openai`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from openai.types.responses import (
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseReasoningTextDeltaEvent,
    ResponseReasoningTextDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
from openai.types.responses.response_content_part_added_event import PartReasoningText
from openai.types.responses.response_output_text import Logprob, LogprobTopLogprob
from openai.types.responses.response_reasoning_item import Content

from jupyter_llm.handlers.wire.reply import finite

from .items import output_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai.types.responses import ResponseOutputItem
    from pydantic import BaseModel

    from jupyter_llm.types import TokenLogprob, ToolCallDelta

    from .events import Events
    from .items import Status


class Growing(ABC):
    """One item while it grows; makes the events that tell of it."""

    kind: str

    def __init__(self, events: Events, response_id: str, number: int) -> None:
        self.id = output_id(self.kind, response_id, number)
        self.parts: list[str] = []
        self._events = events
        self._where = {"item_id": self.id, "output_index": number}
        self._number = number

    @property
    def text(self) -> str:
        """What has grown so far."""
        return "".join(self.parts)

    @abstractmethod
    def item(self, status: Status) -> ResponseOutputItem:
        """The item as it stands; without anything in it while it is in progress."""

    def begin(self) -> bytes:
        """The events before the first delta."""
        return self._item_event(ResponseOutputItemAddedEvent, "added", "in_progress")

    def end(self, status: Status) -> bytes:
        """The events behind the last delta."""
        return self._item_event(ResponseOutputItemDoneEvent, "done", status)

    def _item_event(self, kind: type[BaseModel], name: str, status: Status) -> bytes:
        return self._events.make(
            kind,
            f"response.output_item.{name}",
            item=self.item(status),
            output_index=self._number,
        )


class GrowingContent(Growing):
    """An item whose text is the only part of its content."""

    def begin(self) -> bytes:
        """The item and its part."""
        return super().begin() + self._part_event(ResponseContentPartAddedEvent, "added", "")

    def end(self, status: Status) -> bytes:
        """The whole text, its part, and the item."""
        done = self._done_event()
        part = self._part_event(ResponseContentPartDoneEvent, "done", self.text)
        return done + part + super().end(status)

    @abstractmethod
    def _part(self, text: str) -> ResponseOutputText | PartReasoningText:
        """The part of the content with this text."""

    @abstractmethod
    def _done_event(self) -> bytes:
        """The event with the whole text."""

    def _part_event(self, kind: type[BaseModel], name: str, text: str) -> bytes:
        return self._events.make(
            kind,
            f"response.content_part.{name}",
            **self._where,
            content_index=0,
            part=self._part(text),
        )


class GrowingMessage(GrowingContent):
    """What the model says."""

    kind = "message"

    def __init__(self, events: Events, response_id: str, number: int) -> None:
        super().__init__(events, response_id, number)
        self._logprobs: list[Logprob] = []
        self._deltas = events.deltas(
            ResponseTextDeltaEvent,
            "response.output_text.delta",
            **self._where,
            content_index=0,
            logprobs=[],
        )

    def item(self, status: Status) -> ResponseOutputMessage:
        """A message of the assistant."""
        content = [] if status == "in_progress" else [self._part(self.text)]
        return ResponseOutputMessage(
            id=self.id, type="message", role="assistant", status=status, content=list(content)
        )

    def grow(self, text: str, logprobs: Sequence[TokenLogprob]) -> bytes:
        """The event for more text."""
        self.parts.append(text)
        if not logprobs:
            return self._deltas.make(text)
        gained = [_logprob(logprob) for logprob in logprobs]
        self._logprobs += gained
        return self._events.make(
            ResponseTextDeltaEvent,
            "response.output_text.delta",
            **self._where,
            content_index=0,
            delta=text,
            logprobs=gained,
        )

    def _part(self, text: str) -> ResponseOutputText:
        logprobs = self._logprobs if text else []
        return ResponseOutputText(type="output_text", text=text, annotations=[], logprobs=logprobs)

    def _done_event(self) -> bytes:
        return self._events.make(
            ResponseTextDoneEvent,
            "response.output_text.done",
            **self._where,
            content_index=0,
            text=self.text,
            logprobs=self._logprobs,
        )


class GrowingReasoning(GrowingContent):
    """What the model thinks."""

    kind = "reasoning"

    def __init__(self, events: Events, response_id: str, number: int) -> None:
        super().__init__(events, response_id, number)
        self._deltas = events.deltas(
            ResponseReasoningTextDeltaEvent,
            "response.reasoning_text.delta",
            **self._where,
            content_index=0,
        )

    def item(self, status: Status) -> ResponseReasoningItem:
        """A reasoning item that shows the reasoning itself, without a summary."""
        content = (
            [] if status == "in_progress" else [Content(type="reasoning_text", text=self.text)]
        )
        return ResponseReasoningItem(
            id=self.id, type="reasoning", status=status, summary=[], content=content
        )

    def grow(self, text: str) -> bytes:
        """The event for more of it."""
        self.parts.append(text)
        return self._deltas.make(text)

    def _part(self, text: str) -> PartReasoningText:
        return PartReasoningText(type="reasoning_text", text=text)

    def _done_event(self) -> bytes:
        return self._events.make(
            ResponseReasoningTextDoneEvent,
            "response.reasoning_text.done",
            **self._where,
            content_index=0,
            text=self.text,
        )


class GrowingCall(Growing):
    """A function that the model calls; `index` is the engine's number of the call."""

    kind = "function_call"

    def __init__(
        self, events: Events, response_id: str, number: int, *, first: ToolCallDelta
    ) -> None:
        super().__init__(events, response_id, number)
        self.index = first.index
        self._call_id, self._name = first.id, first.name
        self._deltas = events.deltas(
            ResponseFunctionCallArgumentsDeltaEvent,
            "response.function_call_arguments.delta",
            **self._where,
        )

    def item(self, status: Status) -> ResponseFunctionToolCall:
        """The call with the arguments so far."""
        return ResponseFunctionToolCall(
            id=self.id,
            type="function_call",
            status=status,
            call_id=self._call_id,
            name=self._name,
            arguments=self.text,
        )

    def grow(self, arguments: str) -> bytes:
        """The event for more of its arguments."""
        self.parts.append(arguments)
        return self._deltas.make(arguments)

    def end(self, status: Status) -> bytes:
        """The whole arguments, and the item."""
        done = self._events.make(
            ResponseFunctionCallArgumentsDoneEvent,
            "response.function_call_arguments.done",
            **self._where,
            arguments=self.text,
        )
        return done + super().end(status)


def _logprob(logprob: TokenLogprob) -> Logprob:
    def fields(token: Any) -> dict[str, Any]:
        return {
            "token": token.text,
            "bytes": list(token.text_bytes),
            "logprob": finite(token.logprob),
        }

    tops = [LogprobTopLogprob(**fields(top)) for top in logprob.top]
    return Logprob(**fields(logprob.chosen), top_logprobs=tops)
