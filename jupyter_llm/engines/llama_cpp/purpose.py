"""What a model is for, and how it makes one vector of a text.

Read from the keys that llama.cpp itself reads: `ARCH.pooling_type` and
`ARCH.attention.causal`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import IntEnum
from types import ModuleType
from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.library.describe import ENCODERS

_MAX_VALUE_BYTES = 128

_SOFTMAX = {"qwen3", "qwen3vl"}


class Pooling(IntEnum):
    """`enum llama_pooling_type`: the mean of a text's tokens, its first, its last, a score."""

    NONE = 0
    MEAN = 1
    CLS = 2
    LAST = 3
    RANK = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """Whether a model continues texts, and what else it makes of one.

    `reads_whole` says that each token looks at those behind it, so that a text is read
    in one step or not at all.
    """

    architecture: str
    generates: bool
    pooling: Pooling
    reads_whole: bool

    @property
    def ranks(self) -> bool:
        """Whether it scores a document against a query."""
        return self.pooling is Pooling.RANK

    @property
    def gives_probabilities(self) -> bool:
        """Whether its scores are probabilities already; llama.cpp sees to it by architecture."""
        return self.architecture in _SOFTMAX

    def check_generates(self, model_id: str) -> None:
        """See that the model writes text.

        Raises:
            InvalidRequestError: It does not.
        """
        if self.generates:
            return
        does, route = ("ranks documents", "rerank") if self.ranks else ("embeds", "embeddings")
        raise InvalidRequestError(
            f"{model_id} {does} and writes no text: call /v1/{route} with it, or name a model "
            "with the modality 'text'.",
            param="model",
        )


def purpose_of(llama: ModuleType, model: Any) -> Purpose:
    """What a model says of itself; one that only continues texts is pooled by the mean."""
    architecture = _value(llama, model, "general.architecture")
    pooling = _pooling(_value(llama, model, f"{architecture}.pooling_type"))
    is_encoder = architecture in ENCODERS
    is_causal = _value(llama, model, f"{architecture}.attention.causal") != "false"
    return Purpose(
        architecture=architecture,
        generates=pooling is Pooling.NONE and not is_encoder,
        pooling=pooling or Pooling.MEAN,
        reads_whole=is_encoder or not is_causal,
    )


def _pooling(value: str) -> Pooling:
    known = {str(pooling.value): pooling for pooling in Pooling}
    return known.get(value, Pooling.NONE)


def _value(llama: ModuleType, model: Any, key: str) -> str:
    buffer = ctypes.create_string_buffer(_MAX_VALUE_BYTES)
    size = llama.llama_model_meta_val_str(model, key.encode(), buffer, _MAX_VALUE_BYTES)
    return buffer.value.decode("utf-8", "replace") if size >= 0 else ""
