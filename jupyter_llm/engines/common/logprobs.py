"""Log-probabilities of tokens, from the logits of their place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jupyter_llm.engines.common.vocabulary import Pieces
from jupyter_llm.types import TokenAlternative, TokenLogprob

Logits = npt.NDArray[np.float32]
"""The logits of one place, one for each token of the vocabulary."""


def token_logprob(pieces: Pieces, logits: Logits, token: int, num_top: int) -> TokenLogprob:
    """The model's own distribution (temperature 1, no cuts) at the place of `token`."""
    top = likeliest(logits, num_top)
    peak = float(logits.max())
    log_total = peak + float(np.log(np.exp(logits - peak, dtype=np.float64).sum()))

    def alternative(candidate: int) -> TokenAlternative:
        name = pieces.name(candidate)
        return TokenAlternative(
            text=name.decode("utf-8", "replace"),
            text_bytes=name,
            logprob=float(logits[candidate]) - log_total,
        )

    return TokenLogprob(
        chosen=alternative(token), top=tuple(alternative(candidate) for candidate in top)
    )


def likeliest(logits: Logits, count: int) -> list[int]:
    """Indices of the `count` greatest logits, or of all there are, greatest first."""
    count = min(count, len(logits))
    if count == 0:
        return []
    top = np.argpartition(logits, -count)[-count:]
    order = np.argsort(-logits[top], kind="stable")
    return [int(index) for index in top[order]]
