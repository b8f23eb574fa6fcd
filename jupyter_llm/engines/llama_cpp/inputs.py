"""From texts to the tokens that are read for their vectors, and from vectors to answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jupyter_llm.errors import ContextLengthError, InvalidRequestError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    Ranking,
    RerankRequest,
    TokenizeRequest,
    TokenList,
    Usage,
)

from .embedding_context import embedding_size

if TYPE_CHECKING:
    from jupyter_llm.chat.dialogue import Turn

    from .embedding_context import Vector
    from .prompts import Prompts
    from .runtime import Runtime
    from .sight import Seen


class Inputs:
    """What embeddings, rankings and tokens are made of, for one loaded model."""

    def __init__(self, runtime: Runtime, prompts: Prompts) -> None:
        self._runtime = runtime
        self._prompts = prompts
        self._vocabulary = runtime.vocabulary
        size = embedding_size(runtime.options, runtime.purpose)
        self._max_tokens = min(runtime.options.context_length, size.num_cells)

    def texts(self, request: EmbeddingRequest) -> list[list[int]]:
        """The tokens of each input.

        Raises:
            ContextLengthError: An input is longer than the model reads.
            InvalidRequestError: The model gives no vectors, or a value is wrong.
        """
        self._check_embeds(request.model_id)
        self._check_dimensions(request)
        return [self._text(number, text) for number, text in enumerate(request.inputs)]

    def embeddings(
        self, request: EmbeddingRequest, texts: Sequence[list[int]], vectors: Sequence[Vector]
    ) -> Embeddings:
        """The answer: vectors of length 1."""
        cut = [_unit(vector[: request.dimensions]) for vector in vectors]
        return Embeddings(
            vectors=tuple(vector.astype("<f4").tobytes() for vector in cut), usage=_usage(texts)
        )

    def pairs(self, request: RerankRequest) -> list[list[int]]:
        """The tokens of the query with each document.

        Raises:
            ContextLengthError: A pair is longer than the model reads.
            InvalidRequestError: The model is not made for this.
        """
        if not self._runtime.purpose.ranks:
            raise InvalidRequestError(
                f"{request.model_id} is no reranker. Name a model with the modality 'rerank', "
                "or compare embeddings.",
                param="model",
            )
        return [
            self._checked(f"documents[{number}]", self._pair(request.query, document))
            for number, document in enumerate(request.documents)
        ]

    def ranking(self, texts: Sequence[list[int]], scores: Sequence[Vector]) -> Ranking:
        """The answer: the first score of each pair, as a probability."""
        first = [float(score[0]) for score in scores]
        if not self._runtime.purpose.gives_probabilities:
            first = [_sigmoid(score) for score in first]
        return Ranking(scores=tuple(first), usage=_usage(texts))

    def tokens(self, request: TokenizeRequest, turn: Turn, seen: Mapping[str, Seen]) -> TokenList:
        """The tokens of a prompt; those of images have no name and no number but -1.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        prompt = request.request.prompt
        if prompt is None:
            ids = self._prompts.tokens(request.request, turn, seen)
        else:
            ids = self._vocabulary.tokenize(prompt, adds_special=request.adds_special)
        return TokenList(
            ids=tuple(max(token, -1) for token in ids),
            pieces=tuple(self._vocabulary.name(token) if token >= 0 else b"" for token in ids),
            context_length=self._runtime.options.context_length,
        )

    def detokenized(self, request: DetokenizeRequest) -> str:
        """The text of tokens, control tokens spelled out.

        Raises:
            InvalidRequestError: The model has no such token.
        """
        self._prompts.check_tokens("tokens", request.tokens)
        pieces = (self._vocabulary.name(token) for token in request.tokens)
        return b"".join(pieces).decode("utf-8", "replace")

    def _check_embeds(self, model_id: str) -> None:
        purpose = self._runtime.purpose
        if purpose.ranks:
            raise InvalidRequestError(
                f"{model_id} ranks documents and gives no embeddings: send them to /v1/rerank.",
                param="model",
            )
        if purpose.generates and not self._runtime.can_cut_state:
            raise InvalidRequestError(
                f"{model_id} is a recurrent model and gives no embeddings. "
                "Name a model with the modality 'embedding'.",
                param="model",
            )

    def _check_dimensions(self, request: EmbeddingRequest) -> None:
        most = self._runtime.num_dimensions
        if request.dimensions is not None and request.dimensions > most:
            raise InvalidRequestError(
                f"dimensions is {request.dimensions}, but the vectors of {request.model_id} "
                f"have {most}: ask for {most} or fewer.",
                param="dimensions",
            )

    def _text(self, number: int, text: str | tuple[int, ...]) -> list[int]:
        param = f"input[{number}]"
        if isinstance(text, str):
            return self._checked(param, self._vocabulary.tokenize(text))
        self._prompts.check_tokens(param, text)
        return self._checked(param, list(text))

    def _pair(self, query: str, document: str) -> list[int]:
        """As the model was trained, or in the way of BERT (`format_prompt_rerank`)."""
        if template := self._runtime.rerank_template:
            parts = {"{query}": query, "{document}": document}
            return self._vocabulary.tokenize(_filled(template, parts), adds_special=False)
        marks = self._vocabulary.marks
        return [
            *marks.begin,
            *self._vocabulary.tokenize(query, adds_special=False, parses_special=False),
            *marks.end,
            *marks.separator,
            *self._vocabulary.tokenize(document, adds_special=False, parses_special=False),
            *marks.end,
        ]

    def _checked(self, param: str, tokens: list[int]) -> list[int]:
        if not tokens:
            raise InvalidRequestError(f"{param} is empty; give text or token ids.", param=param)
        if len(tokens) > self._max_tokens:
            raise ContextLengthError(
                f"{param} has {len(tokens)} tokens, and this model reads {self._max_tokens} at "
                "once: split the text, or load the model with a longer context_length.",
                param=param,
            )
        return tokens


def _filled(template: str, parts: dict[str, str]) -> str:
    """The template with its parts in place; what a part says is not looked at again."""
    before, found, after = template.partition("{query}")
    if not found:
        return template.replace("{document}", parts["{document}"])
    ends = [side.replace("{document}", parts["{document}"]) for side in (before, after)]
    return parts["{query}"].join(ends)


def _usage(texts: Sequence[list[int]]) -> Usage:
    return Usage(prompt_tokens=sum(map(len, texts)), completion_tokens=0)


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector


def _sigmoid(logit: float) -> float:
    """The logistic function, for logits of any size."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
