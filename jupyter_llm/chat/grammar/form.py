"""The form of one answer: how far it is, and what it may go on with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from llguidance import LLMatcher

_FEW = 16
"""Below one allowed token in this many it is faster to save them than to strike the others."""


class Form:
    """The state of a grammar after the tokens of one answer.

    `fill` and `forbid` make a step: `fill` finds the tokens that may come next and may
    run on another thread, without Python's lock; `forbid` strikes out all others.
    Of several grammars each begins where the one before it is complete.
    """

    def __init__(self, matchers: Iterable[LLMatcher], *, num_tokens: int, param: str) -> None:
        self._matcher, *self._next = [matcher.deep_copy() for matcher in matchers]
        self._num_tokens = num_tokens
        self._param = param
        self._mask = np.zeros((num_tokens + 31) // 32, np.uint32)

    @property
    def num_behind(self) -> int:
        """Grammars that begin behind the one that the answer is held to now."""
        return len(self._next)

    def fill(self) -> None:
        """Find the tokens that may come next."""
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)

    def allowed(self) -> npt.NDArray[np.bool_]:
        """The tokens that `fill` has found, for each token whether it is one of them.

        Raises:
            InvalidRequestError: The grammar allows nothing any more, or became too complex.
        """
        self._check()
        bits = np.unpackbits(self._mask.view(np.uint8), bitorder="little", count=self._num_tokens)
        return bits.view(np.bool_)

    def forbid(self, logits: npt.NDArray[np.float32]) -> None:
        """Set the logits of all tokens that `fill` did not find to minus infinity.

        Raises:
            InvalidRequestError: The grammar allows nothing any more, or became too complex.
        """
        is_allowed = self.allowed()
        num_allowed = int(np.count_nonzero(is_allowed))
        if num_allowed * _FEW < self._num_tokens:
            allowed = np.flatnonzero(is_allowed)
            kept = logits[allowed]
            logits.fill(-np.inf)
            logits[allowed] = kept
        else:
            logits[np.flatnonzero(~is_allowed)] = -np.inf

    def take(self, token: int) -> bool:
        """Go on with a token that is not an end; returns whether the answer is complete.

        Raises:
            InvalidRequestError: The grammar has no way on from here.
        """
        self._matcher.consume_token(token)
        self._check()
        if self._matcher.is_stopped() and self._next:
            self._matcher = self._next.pop(0)
        return bool(self._matcher.is_stopped())

    def _check(self) -> None:
        if self._matcher.is_error():
            raise InvalidRequestError(
                f"{self._param} led the answer to where nothing may follow: "
                f"{self._matcher.get_error()}. Give a grammar in which every beginning has an end.",
                param=self._param,
            )
