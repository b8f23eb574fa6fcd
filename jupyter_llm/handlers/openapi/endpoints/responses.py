"""OpenAI's Responses, and those that are stored."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from jupyter_llm.handlers.wire.responses.request import ResponsesBody

from .endpoint import GENERATES, NAMED, REGISTRY, Endpoint, Parameter
from .examples import GUIDE


class DeletedResponse(TypedDict):
    """A stored response that is there no more."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]


class InputItems(TypedDict):
    """A page of what a response was asked with, OpenAI's `ResponseItem` each."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


_RESPONSE = "openai.types.responses:Response"
_RESPONSE_EVENTS = tuple(
    f"openai.types.responses:Response{name}Event"
    for name in (
        "Created",
        "InProgress",
        "OutputItemAdded",
        "ContentPartAdded",
        "TextDelta",
        "TextDone",
        "ReasoningTextDelta",
        "ReasoningTextDone",
        "FunctionCallArgumentsDelta",
        "FunctionCallArgumentsDone",
        "ContentPartDone",
        "OutputItemDone",
        "Completed",
        "Incomplete",
        "Failed",
    )
)

ENDPOINTS: dict[str, Endpoint] = {
    "POST /v1/responses": Endpoint(
        body=ResponsesBody,
        example={**GUIDE, "input": "What can you do?", "max_output_tokens": 50},
        answer=_RESPONSE,
        events=_RESPONSE_EVENTS,
        errors=GENERATES | REGISTRY,
    ),
    "GET /v1/responses/{id}": Endpoint(answer=_RESPONSE, errors=NAMED | REGISTRY),
    "DELETE /v1/responses/{id}": Endpoint(answer=DeletedResponse, errors=NAMED | REGISTRY),
    "GET /v1/responses/{id}/input_items": Endpoint(
        query=(
            Parameter(
                name="limit",
                description="how many to list",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            ),
            Parameter(
                name="order",
                description="whether the last one or the first one comes first",
                schema={"type": "string", "enum": ["desc", "asc"], "default": "desc"},
            ),
            Parameter(name="after", description="the id of the item before the page"),
        ),
        answer=InputItems,
        errors=NAMED | REGISTRY,
    ),
    "POST /v1/responses/{id}/cancel": Endpoint(answer=_RESPONSE, errors=NAMED | REGISTRY),
}
