"""The messages of a chat request, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from jupyter_llm.chat.turns import call_arguments
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Image, Message, ToolCall

from .fields import NonEmpty


class TextPart(msgspec.Struct, tag="text", tag_field="type", forbid_unknown_fields=True):
    """A part of a message that is text."""

    text: str


class ImageUrl(msgspec.Struct, forbid_unknown_fields=True):
    """Where an image is; `detail` is without effect: a model sees an image in its own way."""

    url: NonEmpty
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(msgspec.Struct, tag="image_url", tag_field="type", forbid_unknown_fields=True):
    """A part of a user's message that is an image."""

    image_url: ImageUrl


class CalledFunction(msgspec.Struct, forbid_unknown_fields=True):
    """What was called; the arguments are JSON text, as the model wrote them."""

    name: NonEmpty
    arguments: str


class ToolCallBody(msgspec.Struct, forbid_unknown_fields=True):
    """A call that the assistant made; streams number them by `index`."""

    id: NonEmpty
    function: CalledFunction
    type: Literal["function"] = "function"
    index: int | None = None


class MessageBody(msgspec.Struct, forbid_unknown_fields=True):
    """One message; the fields that OpenAI's own answers carry come back as null or empty."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart | ImagePart] | None = None
    name: str | None = None
    tool_calls: list[ToolCallBody] | None = None
    tool_call_id: NonEmpty | None = None
    reasoning_content: str | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: Any = None


def messages_of(bodies: Sequence[MessageBody]) -> tuple[Message, ...]:
    """The turns of a conversation.

    Raises:
        InvalidRequestError: A field is missing, or has no place in its message.
    """
    called: dict[str, str] = {}
    messages = []
    for index, body in enumerate(bodies):
        messages.append(_message(body, f"messages[{index}]", called))
        called |= {call.id: call.function.name for call in body.tool_calls or ()}
    return tuple(messages)


def _message(body: MessageBody, path: str, called: Mapping[str, str]) -> Message:
    _check(body, path)
    text, images = _said(body, path)
    name = called.get(body.tool_call_id or "") if body.name is None else body.name
    return Message(
        # chat templates know no developer: OpenAI's newer word for the system's turn
        role="system" if body.role == "developer" else body.role,
        content=text,
        images=images,
        name=name,
        reasoning=body.reasoning_content or "",
        tool_calls=tuple(
            _tool_call(call, f"{path}.tool_calls[{place}]")
            for place, call in enumerate(body.tool_calls or ())
        ),
        tool_call_id=body.tool_call_id or "",
    )


def _said(body: MessageBody, path: str) -> tuple[str, tuple[Image, ...]]:
    """What a message says, and the images in it."""
    if not isinstance(body.content, list):
        return body.content or "", ()
    text, images = "", []
    for place, part in enumerate(body.content):
        param = f"{path}.content[{place}]"
        if isinstance(part, TextPart):
            text += part.text
        elif body.role == "user":
            images.append(Image(param=param, offset=len(text), url=part.image_url.url))
        else:
            raise InvalidRequestError(
                'Images belong into messages of the role "user".', param=f"{param}.type"
            )
    return text, tuple(images)


def _tool_call(body: ToolCallBody, path: str) -> ToolCall:
    call_arguments(body.function.arguments, f"{path}.function.arguments")
    return ToolCall(id=body.id, name=body.function.name, arguments=body.function.arguments or "{}")


def _check(body: MessageBody, path: str) -> None:
    if body.annotations not in (None, []):
        raise InvalidRequestError(
            "'annotations' in a message is not supported. Leave it out.",
            param=f"{path}.annotations",
        )
    if body.content is None and not (body.role == "assistant" and body.tool_calls):
        param = f"{path}.content"
        raise InvalidRequestError(f"The field '{param}' is required.", param=param)
    if body.role == "tool" and body.tool_call_id is None:
        param = f"{path}.tool_call_id"
        raise InvalidRequestError(
            f"The field '{param}' is required: the id of the call that this answers.", param=param
        )
    for name, role in _OF_ROLE.items():
        if getattr(body, name) and body.role != role:
            param = f"{path}.{name}"
            raise InvalidRequestError(
                f"'{param}' belongs to a message of the role \"{role}\" only.", param=param
            )


_OF_ROLE = {"tool_calls": "assistant", "reasoning_content": "assistant", "tool_call_id": "tool"}
