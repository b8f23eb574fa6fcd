"""What a model reads and does not answer: vectors, ranking, tokens."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from jupyter_llm.handlers.wire.embedding import EmbeddingBody
from jupyter_llm.handlers.wire.rerank import RerankBody
from jupyter_llm.handlers.wire.tokens import DetokenizeBody, TokenizeBody

from .endpoint import GENERATES, Endpoint
from .examples import GUIDE
from .generation import PromptUsage


class Embedding(TypedDict):
    """The vector of one text: numbers, or float32 (little-endian) in base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingList(TypedDict):
    """OpenAI's list of embeddings, in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: PromptUsage


class Document(TypedDict):
    """What was ranked."""

    text: str


class RankedDocument(TypedDict):
    """A document by its place in the request, and how relevant it is, 0 to 1."""

    index: int
    relevance_score: float
    document: NotRequired[Document]


class RankedDocuments(TypedDict):
    """The documents, most relevant first."""

    id: str
    object: Literal["list"]
    model: str
    results: list[RankedDocument]
    usage: PromptUsage


class Token(TypedDict):
    """A token and its text, or its bytes where it is part of a character."""

    id: int
    piece: str | list[int]


class Tokens(TypedDict):
    """What the model would read; `max_model_len` is how much it can."""

    tokens: list[int | Token]
    count: int
    max_model_len: int
    token_strs: NotRequired[list[str]]


class Detokenized(TypedDict):
    """The text, by three names."""

    text: str
    content: str
    prompt: str


ENDPOINTS: dict[str, Endpoint] = {
    "POST /v1/embeddings": Endpoint(
        body=EmbeddingBody,
        example={**GUIDE, "input": ["How do I load a model?", "Who are you?"]},
        answer=EmbeddingList,
        errors=GENERATES,
    ),
    "POST /v1/rerank": Endpoint(
        body=RerankBody,
        example={
            "model": "bge-reranker-v2-m3",
            "query": "What is a panda?",
            "documents": ["A bear that eats bamboo.", "A kind of bread."],
            "top_n": 1,
        },
        answer=RankedDocuments,
        errors=GENERATES,
    ),
    "POST /v1/tokenize": Endpoint(
        body=TokenizeBody,
        example={**GUIDE, "text": "What can you do?"},
        answer=Tokens,
        errors=GENERATES,
    ),
    "POST /v1/detokenize": Endpoint(
        body=DetokenizeBody,
        example={**GUIDE, "tokens": [300, 301]},
        answer=Detokenized,
        errors=GENERATES,
    ),
}
