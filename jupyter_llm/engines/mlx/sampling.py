"""Choose a sequence's next token from log-probabilities.

The order is that of the llama.cpp engine: the cuts, then temperature, then the draw. A
temperature of 0 takes the likeliest token, whatever the cuts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from jupyter_llm.types import SamplingParams

from .arrays import Array, core

Draw = Callable[[Array], Array]
"""Tokens (batch) from log-probabilities (batch, vocabulary)."""

_MAX_KEY = (1 << 63) - 1
_STEP = 0x9E3779B97F4A7C15
"""Parts the keys of neighbouring seeds: 2**64 by the golden ratio."""


def likeliest(logprobs: Array) -> Array:
    """The likeliest tokens. All greedy sequences share it, so that one call serves them."""
    return core().argmax(logprobs, axis=-1)


class Sampler:
    """Draws the tokens of one sequence.

    Every token has a random key of its own, made of the seed and of its place in the answer:
    who else is in the batch changes nothing, nor does it if the sequence begins again in
    the middle. `num_drawn` is the place of the next one.
    """

    def __init__(self, params: SamplingParams) -> None:
        self.num_drawn = 0
        self._params = params
        self._seed = secrets.randbits(62) if params.seed is None else params.seed

    def __call__(self, logprobs: Array) -> Array:
        """One token for each row of log-probabilities; there is one row."""
        mx, params = core(), self._params
        logprobs = logprobs.astype(mx.float32)
        if 0 < params.top_k < logprobs.shape[-1]:
            logprobs = _top_k(logprobs, params.top_k)
        if params.top_p < 1:
            logprobs = _top_p(logprobs, params.top_p)
        if params.min_p > 0:
            logprobs = _min_p(logprobs, params.min_p)
        key = mx.random.key((self._seed * _STEP + self.num_drawn) & _MAX_KEY)
        self.num_drawn += 1
        return mx.random.categorical(logprobs * (1 / params.temperature), key=key)


def sampler_for(params: SamplingParams) -> Draw:
    """What draws by these values."""
    return Sampler(params) if params.temperature > 0 else likeliest


def _top_k(logprobs: Array, k: int) -> Array:
    """The `k` likeliest, and those that are as likely as the last of them."""
    mx = core()
    least = mx.min(mx.topk(logprobs, k, axis=-1), axis=-1, keepdims=True)
    return _where(logprobs >= least, logprobs)


def _top_p(logprobs: Array, p: float) -> Array:
    """The fewest likeliest whose probabilities make up `p` of what is left."""
    mx = core()
    ordered = mx.sort(logprobs, axis=-1)
    shares = mx.softmax(ordered, axis=-1)
    above = mx.cumsum(shares, axis=-1, reverse=True, inclusive=False)
    # the likeliest one stays, however small `p` is
    num_dropped = mx.minimum((above >= p).sum(axis=-1, keepdims=True), ordered.shape[-1] - 1)
    return _where(logprobs >= mx.take_along_axis(ordered, num_dropped, axis=-1), logprobs)


def _min_p(logprobs: Array, p: float) -> Array:
    """Those that are at least `p` times as likely as the likeliest."""
    mx = core()
    least = mx.max(logprobs, axis=-1, keepdims=True) + mx.log(mx.array(p))
    return _where(logprobs >= least, logprobs)


def _where(is_kept: Array, logprobs: Array) -> Array:
    mx = core()
    return mx.where(is_kept, logprobs, mx.array(-float("inf"), logprobs.dtype))
