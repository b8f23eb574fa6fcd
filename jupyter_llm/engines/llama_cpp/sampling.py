"""Choose a sequence's next token: llama.cpp's sampler chains, and the logits they read."""

from __future__ import annotations

import ctypes
import math
import secrets
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from jupyter_llm.types import SamplingParams

from .vocabulary import Vocabulary


class Sampler:
    """One sequence's sampler chain; it outlives a preemption, with its random state.

    The order is llama.cpp's own: bias and penalties on the raw logits, then the
    cuts, then temperature, then the draw. A temperature of 0 takes the likeliest
    token, whatever the cuts. Repetition is penalised over prompt and answer,
    frequency and presence over the answer alone; `window` is the most tokens
    that either looks back.
    """

    def __init__(
        self,
        llama: ModuleType,
        vocabulary: Vocabulary,
        params: SamplingParams,
        *,
        prompt: Sequence[int],
        window: int,
    ) -> None:
        self._llama = llama
        self._num_tokens = vocabulary.num_tokens
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        self._add_biases(vocabulary, params)
        self._add_penalties(params, prompt, window)
        self._add_choice(params)

    def sample(self, context: Any, index: int) -> int:
        """Draw from the logits at `index` of the batch just decoded."""
        token: int = self._llama.llama_sampler_sample(self._chain, context, index)
        return token

    def close(self) -> None:
        """Free the chain."""
        self._llama.llama_sampler_free(self._chain)

    def _add(self, kind: str, *arguments: Any) -> Any:
        sampler = getattr(self._llama, f"llama_sampler_init_{kind}")(*arguments)
        self._llama.llama_sampler_chain_add(self._chain, sampler)
        return sampler

    def _add_biases(self, vocabulary: Vocabulary, params: SamplingParams) -> None:
        banned = vocabulary.end_tokens if params.ignore_eos else ()
        biases = [*params.logit_bias, *((token, -math.inf) for token in banned)]
        if biases:
            array = (self._llama.llama_logit_bias * len(biases))(*biases)
            self._add("logit_bias", self._num_tokens, len(biases), array)

    def _add_penalties(self, params: SamplingParams, prompt: Sequence[int], window: int) -> None:
        if params.repeat_penalty != 1:
            size = (self._num_tokens, window)
            repetition = self._add("penalties", *size, params.repeat_penalty, 0.0, 0.0)
            for token in prompt:
                if token >= 0:  # an image is nothing that could be repeated
                    self._llama.llama_sampler_accept(repetition, token)
        penalties = (params.frequency_penalty, params.presence_penalty)
        if any(penalties):
            self._add("penalties", self._num_tokens, window, 1.0, *penalties)

    def _add_choice(self, params: SamplingParams) -> None:
        if params.temperature <= 0:
            self._add("greedy")
            return
        if params.top_k > 0:
            self._add("top_k", params.top_k)
        if params.top_p < 1:
            self._add("top_p", params.top_p, 1)
        if params.min_p > 0:
            self._add("min_p", params.min_p, 1)
        if params.temperature != 1:
            self._add("temp", params.temperature)
        self._add("dist", _seed(params))


def _seed(params: SamplingParams) -> int:
    """A seed below 2**32 - 1, which llama.cpp takes for "draw one"."""
    return secrets.randbits(31) if params.seed is None else params.seed % 0xFFFFFFFF


def logits_at(
    llama: ModuleType, context: Any, index: int, num_tokens: int
) -> npt.NDArray[np.float32]:
    """A view of the logits at `index`; valid until the next decode."""
    pointer = llama.llama_get_logits_ith(context, index)
    address = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(address, (num_tokens,))
