"""What the queue knows of a request, before anybody has looked at its tokens."""

from __future__ import annotations

from jupyter_llm.manager.queue import Ticket
from jupyter_llm.types import EmbeddingRequest, GenerationRequest, RerankRequest

Shared = GenerationRequest | EmbeddingRequest | RerankRequest
"""A request that a model computes for, in turn with others."""

_CHARACTERS_PER_TOKEN = 4


def ticket_of(request: Shared) -> Ticket:
    """The ticket of a request, with an estimate of the tokens of its prompt."""
    return Ticket(
        user=request.user,
        priority=request.priority,
        num_prompt=_num_prompt(request),
        request_id=request.id,
        stream_id=request.stream_id if isinstance(request, GenerationRequest) else "",
    )


def _num_prompt(request: Shared) -> int:
    if isinstance(request, GenerationRequest) and request.relayed is not None:
        return len(request.relayed.body) // _CHARACTERS_PER_TOKEN
    return sum(map(_estimated, _texts(request)))


def _texts(request: Shared) -> tuple[str | tuple[int, ...], ...]:
    """Everything that is to be read, as text or as tokens."""
    match request:
        case EmbeddingRequest():
            return request.inputs
        case RerankRequest():
            return (request.query, *request.documents)
        case _ if request.messages is not None:
            return tuple(message.content for message in request.messages)
        case _:
            return (request.prompt or request.prompt_tokens or "",)


def _estimated(text: str | tuple[int, ...]) -> int:
    return len(text) // _CHARACTERS_PER_TOKEN if isinstance(text, str) else len(text)
