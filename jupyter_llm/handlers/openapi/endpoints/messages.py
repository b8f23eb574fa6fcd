"""Anthropic's routes."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from jupyter_llm.handlers.wire.messages.request import MessagesBody, PromptBody

from .endpoint import EVERYWHERE, GENERATES, Endpoint
from .examples import GUIDE, HELLO


class AnthropicError(TypedDict):
    """What went wrong, in Anthropic's kinds; `param` and `code` are as everywhere else."""

    type: str
    message: str
    param: str | None
    code: str | None
    need_bytes: NotRequired[int]
    free_bytes: NotRequired[int]
    suggestions: NotRequired[list[dict[str, Any]]]


class AnthropicErrorBody(TypedDict):
    """Every error of Anthropic's routes has this form."""

    type: Literal["error"]
    error: AnthropicError


class AnthropicMessage(TypedDict):
    """Anthropic's `Message`."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[dict[str, Any]]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    stop_sequence: str | None
    usage: dict[str, Any]


class AnthropicEvent(TypedDict):
    """One of Anthropic's `RawMessageStreamEvent`."""

    type: str


class AnthropicTokenCount(TypedDict):
    """Anthropic's `MessageTokensCount`."""

    input_tokens: int


_ANTHROPIC_ERRORS = dict.fromkeys(EVERYWHERE | GENERATES, AnthropicErrorBody)

ENDPOINTS: dict[str, Endpoint] = {
    "POST /v1/messages": Endpoint(
        body=MessagesBody,
        example={**GUIDE, "max_tokens": 50, "messages": HELLO},
        answer=AnthropicMessage,
        events=AnthropicEvent,
        others=_ANTHROPIC_ERRORS,
    ),
    "POST /v1/messages/count_tokens": Endpoint(
        body=PromptBody,
        example={**GUIDE, "messages": HELLO},
        answer=AnthropicTokenCount,
        others=_ANTHROPIC_ERRORS,
    ),
}
