"""Chat, completion and extraction, in OpenAI's form and in the plain one."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from jupyter_llm.handlers.wire.chat_request import ChatBody
from jupyter_llm.handlers.wire.completion_request import CompletionBody
from jupyter_llm.handlers.wire.extraction import ExtractBody

from .endpoint import GENERATES, NAMED, Endpoint, Parameter
from .examples import GUIDE, HELLO


class PromptUsage(TypedDict):
    """What a model has read."""

    prompt_tokens: int
    total_tokens: int


class TextUsage(PromptUsage):
    """What a model has read and written."""

    completion_tokens: int


class Generated(TypedDict):
    """What follows a prompt; in a stream, what is new of it, and the ends in the last event."""

    id: str
    model: str
    created: int
    text: str
    reasoning_content: NotRequired[str]
    finish_reason: NotRequired[str]
    usage: NotRequired[TextUsage]
    timings: NotRequired[dict[str, float]]


class SaidMessage(TypedDict):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str
    reasoning_content: NotRequired[str]


class ChatAnswer(TypedDict):
    """The next turn; in a stream, what is new of it, and the ends in the last event."""

    id: str
    model: str
    created: int
    message: SaidMessage
    finish_reason: NotRequired[str]
    usage: NotRequired[TextUsage]
    timings: NotRequired[dict[str, float]]


class Extraction(TypedDict):
    """Data, and the JSON text that it was read from; null where `max_tokens` cut that."""

    id: str
    object: Literal["extraction"]
    created: int
    model: str
    data: Any
    text: str
    finish_reason: str
    usage: TextUsage | None
    timings: NotRequired[dict[str, float]]


class DeletedStream(TypedDict):
    """A stream that was stopped and cannot be resumed any more."""

    id: str
    object: Literal["stream"]
    deleted: Literal[True]


ENDPOINTS: dict[str, Endpoint] = {
    "POST /v1/chat/completions": Endpoint(
        body=ChatBody,
        example={**GUIDE, "messages": HELLO, "max_tokens": 50},
        answer="openai.types.chat:ChatCompletion",
        events="openai.types.chat:ChatCompletionChunk",
        errors=GENERATES,
    ),
    "POST /v1/completions": Endpoint(
        body=CompletionBody,
        example={**GUIDE, "prompt": "To load a model,", "max_tokens": 20},
        answer="openai.types:Completion",
        events="openai.types:Completion",
        errors=GENERATES,
    ),
    "POST /v1/extract": Endpoint(
        body=ExtractBody,
        example={
            **GUIDE,
            "text": "We introduce NuExtract 2.0.",
            "schema": {"type": "object", "properties": {"model_name": {"type": "string"}}},
            "max_tokens": 100,
        },
        answer=Extraction,
        errors=GENERATES,
    ),
    "POST /api/generate": Endpoint(
        body=CompletionBody,
        example={**GUIDE, "prompt": "To load a model,", "max_tokens": 20},
        answer=Generated,
        errors=GENERATES,
    ),
    "POST /api/generate/stream": Endpoint(
        body=CompletionBody,
        example={**GUIDE, "prompt": "To load a model,", "max_tokens": 20},
        content_type="",
        events=Generated,
        errors=GENERATES,
    ),
    "POST /api/chat": Endpoint(
        body=ChatBody,
        example={**GUIDE, "messages": HELLO},
        answer=ChatAnswer,
        errors=GENERATES,
    ),
    "POST /api/chat/stream": Endpoint(
        body=ChatBody,
        example={**GUIDE, "messages": HELLO},
        content_type="",
        events=ChatAnswer,
        errors=GENERATES,
    ),
    "GET /v1/streams/{id}": Endpoint(
        query=(
            Parameter(
                name="after",
                description="the id of the last event that came",
                schema={"type": "integer", "minimum": 0, "default": 0},
            ),
        ),
        events=("openai.types.chat:ChatCompletionChunk", "openai.types:Completion"),
        errors=NAMED | GENERATES,
    ),
    "DELETE /v1/streams/{id}": Endpoint(answer=DeletedStream, errors=NAMED),
}
