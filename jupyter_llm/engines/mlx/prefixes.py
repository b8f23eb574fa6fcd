"""What was computed for earlier prompts and answers, kept for those that begin alike."""

from __future__ import annotations

from typing import Any

from .arrays import core

_MAX_KEPT = 64
_MIN_TOKENS = 16
"""Shorter beginnings are as quickly computed as found."""

_KEY = "model"


class Prefixes:
    """The caches of sequences that have ended, the last used ones."""

    def __init__(self) -> None:
        from mlx_lm.models.cache import LRUPromptCache

        self._kept = LRUPromptCache(max_size=_MAX_KEPT)

    @property
    def num_bytes(self) -> int:
        """What they take."""
        return int(self._kept.nbytes)

    def find(self, tokens: list[int]) -> tuple[list[Any] | None, int]:
        """A copy of the cache that fits best, and how many of the tokens it holds.

        At least one token is always left to be computed: from its logits the next one is drawn.
        """
        from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache

        cache, rest = self._kept.fetch_nearest_cache(_KEY, tokens)
        if cache is None:
            return None, 0
        if rest:
            return cache, len(tokens) - len(rest)
        if not can_trim_prompt_cache(cache):
            return None, 0
        trim_prompt_cache(cache, 1)
        return cache, len(tokens) - 1

    def keep(self, tokens: list[int], cache: list[Any]) -> None:
        """Keep the cache of exactly these tokens."""
        if len(tokens) < _MIN_TOKENS or not cache:
            return
        # otherwise it would hold on to the whole batch that it was cut from
        core().eval([layer.state for layer in cache])
        self._kept.insert_cache(_KEY, list(tokens), cache)

    def shrink(self, num_bytes: int) -> None:
        """Give up the least used ones until the others take no more than this."""
        self._kept.trim_to(n_bytes=num_bytes)
