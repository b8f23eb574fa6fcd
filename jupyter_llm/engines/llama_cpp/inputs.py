"""What llama.cpp's models read for vectors and scores, and what is made of these."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jupyter_llm.engines.common.inputs import TextInputs, Vector, usage_of
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import EmbeddingRequest, Ranking, RerankRequest, TokenizeRequest, TokenList

from .embedding_context import embedding_size

if TYPE_CHECKING:
    from jupyter_llm.chat.dialogue import Turn

    from .prompts import Prompts
    from .runtime import Runtime
    from .sight import Seen


class Inputs(TextInputs):
    """What embeddings, rankings and tokens are made of, for one loaded model."""

    def __init__(self, runtime: Runtime, prompts: Prompts) -> None:
        context_length = runtime.options.context_length
        size = embedding_size(runtime.options, runtime.purpose)
        super().__init__(
            runtime.vocabulary,
            prompts,
            context_length=context_length,
            max_tokens=min(context_length, size.num_cells),
            num_dimensions=runtime.num_dimensions,
        )
        self._runtime = runtime
        self._all_prompts = prompts
        self._marks = runtime.vocabulary.marks

    def texts(self, request: EmbeddingRequest) -> list[list[int]]:
        """The tokens of each input.

        Raises:
            ContextLengthError: An input is longer than the model reads.
            InvalidRequestError: The model gives no vectors, or a value is wrong.
        """
        self._check_embeds(request.model_id)
        return super().texts(request)

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
            self.checked(f"documents[{number}]", self._pair(request.query, document))
            for number, document in enumerate(request.documents)
        ]

    def ranking(self, texts: Sequence[list[int]], scores: Sequence[Vector]) -> Ranking:
        """The answer: the first score of each pair, as a probability."""
        first = [float(score[0]) for score in scores]
        if not self._runtime.purpose.gives_probabilities:
            first = [_sigmoid(score) for score in first]
        return Ranking(scores=tuple(first), usage=usage_of(texts))

    def tokens(self, request: TokenizeRequest, turn: Turn, seen: Mapping[str, Seen]) -> TokenList:
        """The tokens of a prompt; those of images have no name and no number but -1.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        prompt = request.request.prompt
        if prompt is None:
            ids = self._all_prompts.tokens(request.request, turn, seen)
        else:
            ids = self._vocabulary.tokenize(prompt, adds_special=request.adds_special)
        return self.named(ids)

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

    def _pair(self, query: str, document: str) -> list[int]:
        """As the model was trained, or in the way of BERT (`format_prompt_rerank`)."""
        if template := self._runtime.rerank_template:
            parts = {"{query}": query, "{document}": document}
            return self._vocabulary.tokenize(_filled(template, parts), adds_special=False)
        marks = self._marks
        return [
            *marks.begin,
            *self._vocabulary.tokenize(query, adds_special=False, parses_special=False),
            *marks.end,
            *marks.separator,
            *self._vocabulary.tokenize(document, adds_special=False, parses_special=False),
            *marks.end,
        ]


def _filled(template: str, parts: dict[str, str]) -> str:
    """The template with its parts in place; what a part says is not looked at again."""
    before, found, after = template.partition("{query}")
    if not found:
        return template.replace("{document}", parts["{document}"])
    ends = [side.replace("{document}", parts["{document}"]) for side in (before, after)]
    return parts["{query}"].join(ends)


def _sigmoid(logit: float) -> float:
    """The logistic function, for logits of any size."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
