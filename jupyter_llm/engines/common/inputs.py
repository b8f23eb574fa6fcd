"""From texts to the tokens that are read for their vectors, and from vectors to answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jupyter_llm.engines.common.prompts import TextPrompts
from jupyter_llm.engines.common.vocabulary import Vocabulary
from jupyter_llm.errors import ContextLengthError, InvalidRequestError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    TokenList,
    Usage,
)

Vector = npt.NDArray[np.float32]


class TextInputs:
    """What embeddings and tokens are made of, for one loaded model.

    A text may have `max_tokens`, and its vector has `num_dimensions` numbers.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        prompts: TextPrompts,
        *,
        context_length: int,
        max_tokens: int,
        num_dimensions: int,
    ) -> None:
        self._vocabulary = vocabulary
        self._prompts = prompts
        self._context_length = context_length
        self._max_tokens = max_tokens
        self._num_dimensions = num_dimensions

    def texts(self, request: EmbeddingRequest) -> list[list[int]]:
        """The tokens of each input.

        Raises:
            ContextLengthError: An input is longer than the model reads.
            InvalidRequestError: A value is wrong; `param` names it.
        """
        self._check_dimensions(request)
        return [self._text(number, text) for number, text in enumerate(request.inputs)]

    def embeddings(
        self, request: EmbeddingRequest, texts: Sequence[list[int]], vectors: Sequence[Vector]
    ) -> Embeddings:
        """The answer: vectors of length 1."""
        cut = [_unit(vector[: request.dimensions]) for vector in vectors]
        return Embeddings(
            vectors=tuple(vector.astype("<f4").tobytes() for vector in cut), usage=usage_of(texts)
        )

    def named(self, ids: Sequence[int]) -> TokenList:
        """Tokens with their names; what is negative is a part of an image and has none."""
        return TokenList(
            ids=tuple(max(token, -1) for token in ids),
            pieces=tuple(self._vocabulary.name(token) if token >= 0 else b"" for token in ids),
            context_length=self._context_length,
        )

    def detokenized(self, request: DetokenizeRequest) -> str:
        """The text of tokens, control tokens spelled out.

        Raises:
            InvalidRequestError: The model has no such token.
        """
        self._prompts.check_tokens("tokens", request.tokens)
        pieces = (self._vocabulary.name(token) for token in request.tokens)
        return b"".join(pieces).decode("utf-8", "replace")

    def _check_dimensions(self, request: EmbeddingRequest) -> None:
        most = self._num_dimensions
        if request.dimensions is not None and request.dimensions > most:
            raise InvalidRequestError(
                f"dimensions is {request.dimensions}, but the vectors of {request.model_id} "
                f"have {most}: ask for {most} or fewer.",
                param="dimensions",
            )

    def _text(self, number: int, text: str | tuple[int, ...]) -> list[int]:
        param = f"input[{number}]"
        if isinstance(text, str):
            return self.checked(param, self._vocabulary.tokenize(text))
        self._prompts.check_tokens(param, text)
        return self.checked(param, list(text))

    def checked(self, param: str, tokens: list[int]) -> list[int]:
        """Tokens that the model can read at once; `param` says where they come from.

        Raises:
            ContextLengthError: There are too many.
            InvalidRequestError: There are none.
        """
        if not tokens:
            raise InvalidRequestError(f"{param} is empty; give text or token ids.", param=param)
        if len(tokens) > self._max_tokens:
            raise ContextLengthError(
                f"{param} has {len(tokens)} tokens, and this model reads {self._max_tokens} at "
                "once: split the text, or load the model with a longer context_length.",
                param=param,
            )
        return tokens


def usage_of(texts: Sequence[list[int]]) -> Usage:
    """What reading texts took."""
    return Usage(prompt_tokens=sum(map(len, texts)), completion_tokens=0)


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector
