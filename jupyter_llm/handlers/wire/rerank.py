"""The body of `POST /v1/rerank`, and its answer: the form of Jina's and of Cohere's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from jupyter_llm.types import RerankRequest

from .decode import decode
from .fields import Count, NonEmpty, Priority
from .keep_alive import KeepAlive, keep_alive_s

if TYPE_CHECKING:
    from jupyter_llm.types import Ranking

MAX_DOCUMENTS = 2048


class DocumentBody(msgspec.Struct, forbid_unknown_fields=True):
    """A document as an object."""

    text: str


class RerankBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Every field of the request that is understood."""

    query: NonEmpty
    documents: Annotated[list[str | DocumentBody], Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    model: str | None = None
    top_n: Count | None = None
    return_documents: bool | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    user: str | None = None


_DECODER = msgspec.json.Decoder(RerankBody)


def rerank_body(body: bytes) -> RerankBody:
    """The body, checked.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    return decode(body, _DECODER)


def rerank_request(asked: RerankBody, request_id: str) -> RerankRequest:
    """What the body asks of a model."""
    return RerankRequest(
        id=request_id,
        model_id=asked.model or "",
        query=asked.query,
        documents=tuple(_text(document) for document in asked.documents),
        keep_alive_s=keep_alive_s(asked.keep_alive),
        priority=asked.priority or 0,
    )


def ranking_body(ranking: Ranking, asked: RerankBody, request: RerankRequest) -> dict[str, Any]:
    """The documents, most relevant first; of equal ones, the one that was sent first."""
    order = sorted(range(len(ranking.scores)), key=lambda index: -ranking.scores[index])
    shows = asked.return_documents is not False
    return {
        "id": request.id,
        "object": "list",
        "model": request.model_id,
        "results": [
            {"index": index, "relevance_score": ranking.scores[index]}
            | ({"document": {"text": request.documents[index]}} if shows else {})
            for index in order[: asked.top_n]
        ],
        "usage": {
            "prompt_tokens": ranking.usage.prompt_tokens,
            "total_tokens": ranking.usage.prompt_tokens,
        },
    }


def _text(document: str | DocumentBody) -> str:
    return document if isinstance(document, str) else document.text
