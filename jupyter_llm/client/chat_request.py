"""The body of a chat request, from what Python has: types, functions, pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Message

from .answer_type import AnswerType, answer_type
from .function_tool import function_tool
from .images import image_part
from .messages import message_body

_FORM = "Answer with JSON and nothing else. It follows this JSON Schema:"

Messages = str | Message | Mapping[str, Any] | Iterable[Message | Mapping[str, Any]]


def chat_body(
    messages: Messages,
    *,
    system: str | None = None,
    schema: Any = None,
    tools: Iterable[Any] | None = None,
    images: Iterable[Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What `/v1/chat/completions` takes.

    Args:
        messages: A question as text, one turn, or the turns of a conversation: `Message`s or
            dicts with `role` and `content`. A `content` that is a list may hold texts and
            whatever `image_part` takes.
        system: What the model is told first.
        schema: What the answer must be: whatever `answer_type` takes. The model is told of
            it at the end of the system's turn, and held to it.
        tools: Functions that the model may call, or OpenAI's descriptions of tools.
        images: Pictures that the last turn of the user begins with.
        options: Other fields of the request; those that are `None` are left out.

    Raises:
        InvalidRequestError: `param` names what is wrong.
    """
    turns = [_with_parts(message_body(message)) for message in _listed(messages)]
    wanted = None if schema is None else answer_type(schema)
    if texts := [text for text in (system, _told(wanted)) if text]:
        turns = _with_system(turns, "\n\n".join(texts))
    if images := list(images or ()):
        turns = _with_images(turns, images)
    fields = {
        "messages": turns,
        "tools": [_tool(tool) for tool in tools or ()] or None,
        "response_format": wanted.response_format() if wanted else None,
    }
    return without_none({**options, **{k: v for k, v in fields.items() if v is not None}})


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _listed(messages: Messages) -> list[Message | Mapping[str, Any]]:
    if isinstance(messages, str):
        return [Message(role="user", content=messages)]
    if isinstance(messages, Message | Mapping):
        return [messages]
    turns = list(messages)
    if wrong := [turn for turn in turns if not isinstance(turn, Message | Mapping)]:
        raise InvalidRequestError(
            f"A {type(wrong[0]).__name__} is no turn of a conversation. Give a text, or dicts "
            "with 'role' and 'content'.",
            param="messages",
        )
    return turns


def _with_parts(turn: dict[str, Any]) -> dict[str, Any]:
    """The turn with its content in parts that the server knows, where it is a list."""
    content = turn.get("content")
    if not isinstance(content, list | tuple):
        return turn
    return {**turn, "content": [_part(part) for part in content]}


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, Mapping):
        return dict(part)
    return _text_part(part) if isinstance(part, str) else image_part(part)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _told(wanted: AnswerType | None) -> str:
    """What the model has to know of the schema: a grammar alone does not tell it what is meant."""
    if wanted is None:
        return ""
    import msgspec

    return f"{_FORM}\n{msgspec.json.encode(wanted.schema).decode()}"


def _with_system(turns: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The turns with `text` at the end of the system's, which is the first."""
    if not turns or turns[0].get("role") not in {"system", "developer"}:
        return [{"role": "system", "content": text}, *turns]
    content = turns[0]["content"]
    added = f"{content}\n\n{text}" if isinstance(content, str) else [*content, _text_part(text)]
    return [{**turns[0], "content": added}, *turns[1:]]


def _with_images(turns: list[dict[str, Any]], images: list[Any]) -> list[dict[str, Any]]:
    places = [place for place, turn in enumerate(turns) if turn.get("role") == "user"]
    if not places:
        raise InvalidRequestError("Images need a question of the user.", param="images")
    turn = turns[places[-1]]
    content = turn.get("content") or ""
    texts = [_text_part(content)] if isinstance(content, str) else content
    shown = {**turn, "content": [*map(image_part, images), *texts]}
    return [*turns[: places[-1]], shown, *turns[places[-1] + 1 :]]


def _tool(tool: Any) -> dict[str, Any]:
    return dict(tool) if isinstance(tool, Mapping) else function_tool(tool).definition()
