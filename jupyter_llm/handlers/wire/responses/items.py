"""The items of a response: what goes in, as OpenAI's `ResponseInputItem` and `ResponseItem`.

An item that was stored, or came out of an earlier answer, reads like one of a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.decode import decode

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(msgspec.Struct, tag="input_text", tag_field="type", forbid_unknown_fields=True):
    """A part of a message that somebody wrote."""

    text: str


class InputImage(
    msgspec.Struct, tag="input_image", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """An image that somebody shows; nothing is stored as a file, so it has a URL."""

    image_url: Annotated[str, Meta(min_length=1)]
    detail: Literal["auto", "low", "high", "original"] | None = "auto"
    file_id: None = None


class OutputText(msgspec.Struct, tag="output_text", tag_field="type", forbid_unknown_fields=True):
    """A part of a message that a model wrote."""

    text: str
    annotations: list[Any] = []
    logprobs: list[Any] | None = None


class Refusal(msgspec.Struct, tag="refusal", tag_field="type", forbid_unknown_fields=True):
    """A part of a message in which a model declined."""

    refusal: str


class SummaryText(msgspec.Struct, tag="summary_text", tag_field="type", forbid_unknown_fields=True):
    """A part of what is told of a model's reasoning."""

    text: str


class ReasoningText(
    msgspec.Struct, tag="reasoning_text", tag_field="type", forbid_unknown_fields=True
):
    """A part of a model's reasoning."""

    text: str


class MessageItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A message; the fields of a model's own come back with it."""

    type: Literal["message"] = "message"
    role: Literal["user", "system", "developer", "assistant"]
    content: str | list[InputText | InputImage | OutputText | Refusal]
    id: str | None = None
    status: Status | None = None
    phase: str | None = None

    @property
    def text(self) -> str:
        """Everything that the message says."""
        if isinstance(self.content, str):
            return self.content
        return "".join(map(text_of, self.content))

    @property
    def parts(self) -> Sequence[InputText | InputImage | OutputText | Refusal]:
        """What it consists of."""
        return [InputText(text=self.content)] if isinstance(self.content, str) else self.content


def text_of(part: InputText | InputImage | OutputText | Refusal) -> str:
    """What a part of a message says; an image says nothing."""
    match part:
        case InputImage():
            return ""
        case Refusal():
            return part.refusal
    return part.text


class FunctionCall(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A call that a model made; `arguments` is JSON text."""

    type: Literal["function_call"]
    call_id: Annotated[str, Meta(min_length=1)]
    name: Annotated[str, Meta(min_length=1)]
    arguments: str
    id: str | None = None
    status: Status | None = None


class FunctionCallOutput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a call gave."""

    type: Literal["function_call_output"]
    call_id: Annotated[str, Meta(min_length=1)]
    output: str | list[InputText]
    id: str | None = None
    status: Status | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """Everything that it gave."""
        if isinstance(self.output, str):
            return self.output
        return "".join(part.text for part in self.output)


class Reasoning(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a model thought before its answer."""

    type: Literal["reasoning"]
    summary: list[SummaryText] = []
    content: list[ReasoningText] | None = None
    id: str | None = None
    encrypted_content: None = None
    status: Status | None = None

    @property
    def text(self) -> str:
        """The reasoning itself, or what is told of it."""
        return "".join(part.text for part in self.content or self.summary)


Item = MessageItem | FunctionCall | FunctionCallOutput | Reasoning

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "message": msgspec.json.Decoder(MessageItem),
    "function_call": msgspec.json.Decoder(FunctionCall),
    "function_call_output": msgspec.json.Decoder(FunctionCallOutput),
    "reasoning": msgspec.json.Decoder(Reasoning),
}


class _Kind(msgspec.Struct):
    type: str = "message"


_KIND = msgspec.json.Decoder(_Kind)


def item_of(raw: msgspec.Raw, at: str) -> Item:
    """The item that this JSON is; `at` is its place in the request.

    Raises:
        InvalidRequestError: It is none, or of a type that is not supported; `param` names it.
    """
    kind = decode(raw, _KIND, at).type
    if kind not in _DECODERS:
        raise InvalidRequestError(
            f"Items of type {kind!r} are not supported; use {', '.join(_DECODERS)}.",
            param=f"{at}.type",
        )
    item: Item = decode(raw, _DECODERS[kind], at)
    return item


_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
}


def output_id(kind: str, response_id: str, number: int) -> str:
    """The id of output `number` of a response, the same whenever it is asked for."""
    return f"{_PREFIXES[kind]}_{response_id.partition('_')[2]}{number:04}"


def stored_form(item: Item) -> dict[str, Any]:
    """An item of a request, with an id of its own, as OpenAI's `ResponseItem` lists it."""
    if isinstance(item, MessageItem) and isinstance(item.content, str):
        kind = OutputText if item.role == "assistant" else InputText
        item = msgspec.structs.replace(item, content=[kind(text=item.content)])
    fields: dict[str, Any] = msgspec.to_builtins(item)
    given = {name: value for name, value in fields.items() if value is not None}
    new_id = f"{_PREFIXES[item.type]}_{uuid4().hex}"
    return {**given, "id": new_id, "status": item.status or "completed"}
