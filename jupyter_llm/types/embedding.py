"""Texts as vectors, and texts ranked by how well they answer a query."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_llm.types.generation import Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingRequest:
    """Texts whose vectors are wanted; each is text, or token ids of the model.

    `dimensions` asks for the first so many numbers of each vector, made a vector of
    length 1 again; `None` for all of them. The rest is as in a `GenerationRequest`.
    """

    id: str
    model_id: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    keep_alive_s: float | None = None
    user: str = ""
    priority: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Embeddings:
    """A vector of length 1 for each input, in their order: float32, little-endian."""

    vectors: tuple[bytes, ...]
    usage: Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class RerankRequest:
    """A query, and the documents to be ranked. The rest is as in a `GenerationRequest`."""

    id: str
    model_id: str
    query: str
    documents: tuple[str, ...]
    keep_alive_s: float | None = None
    user: str = ""
    priority: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """How relevant each document is, 0 to 1, in the order of the request."""

    scores: tuple[float, ...]
    usage: Usage
