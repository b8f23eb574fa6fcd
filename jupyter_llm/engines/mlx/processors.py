"""What is done to a sequence's logits before a token is drawn from them.

MLX computes while Python prepares the next step. Only a form has to know the last token to
do its work; everything else here stays a part of the computation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from jupyter_llm.types import SamplingParams

from .arrays import Array, core
from .form_ahead import FormAhead

Processor = Callable[[Array, Array], Array]
"""New logits (1, vocabulary) from all tokens so far and logits; called once for each token."""


class Bias:
    """Adds to the logits of some tokens, and strikes out `banned` ones."""

    def __init__(
        self, biases: Iterable[tuple[int, float]], banned: Iterable[int], num_tokens: int
    ) -> None:
        added = np.zeros(num_tokens, np.float32)
        for token, bias in biases:
            added[token] += bias
        added[list(banned)] = -math.inf
        self._added = core().array(added)[None]

    def __call__(self, tokens: Array, logits: Array) -> Array:
        """The logits with what is added to them."""
        del tokens
        return logits + self._added.astype(logits.dtype)


class Penalties:
    """Makes repetitions less likely, as llama.cpp's sampler `penalties` does.

    Repetition is penalised over prompt and answer, frequency and presence over the answer
    alone. `answer` is what there is of it, if the sequence begins again in the middle.
    """

    def __init__(
        self, params: SamplingParams, prompt: list[int], answer: list[int], num_tokens: int
    ) -> None:
        mx = core()
        counts = np.bincount(np.array(answer, np.int64), minlength=num_tokens)
        has_come = np.bincount(np.array(prompt + answer, np.int64), minlength=num_tokens) > 0
        self._params = params
        self._counts = mx.array(counts.astype(np.float32))
        self._has_come = mx.array(has_come.astype(np.float32))
        self._is_first = True

    def __call__(self, tokens: Array, logits: Array) -> Array:
        """The logits without what repetition costs."""
        mx, params = core(), self._params
        if not self._is_first:
            last = tokens[-1:]
            self._counts = self._counts.at[last].add(1)
            self._has_come = self._has_come.at[last].maximum(1)
        self._is_first = False
        if params.repeat_penalty != 1:
            factor = params.repeat_penalty
            penalised = mx.where(logits > 0, logits / factor, logits * factor)
            logits = mx.where(self._has_come[None] > 0, penalised, logits)
        lost = self._counts * params.frequency_penalty
        lost = lost + (self._counts > 0) * params.presence_penalty
        return logits - lost[None].astype(logits.dtype)


class Witness:
    """Keeps the model's own logits of the token that is handed out next."""

    def __init__(self) -> None:
        self._logits: Array = None
        self._next: Array = None

    @property
    def logits(self) -> Array:
        """Those that the token just handed out was drawn from."""
        return self._logits

    def __call__(self, tokens: Array, logits: Array) -> Array:
        """The logits as they are."""
        del tokens
        self._logits, self._next = self._next, logits
        return logits


class Mask:
    """Strikes out all tokens that a form does not allow."""

    def __init__(self, form: FormAhead) -> None:
        self._form = form

    def __call__(self, tokens: Array, logits: Array) -> Array:
        """The logits of what may follow."""
        mx = core()
        # the model computes while the form looks for what may come
        mx.async_eval(logits)
        allowed = self._form.allowed(tokens)
        if allowed is None:
            return logits
        return mx.where(mx.array(allowed)[None], logits, mx.array(-math.inf, logits.dtype))
