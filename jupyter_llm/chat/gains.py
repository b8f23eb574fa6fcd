"""What an answer has gained with each token: whole characters, and their log-probabilities."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jupyter_llm.chat.text import StopMatcher, TextDecoder
from jupyter_llm.types import TokenLogprob


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """What may be handed out; `is_stopped` says that a stop string ended the answer."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    is_stopped: bool = False


class AnswerText:
    """The text of one answer, from the bytes of its tokens.

    A token's log-probability is handed out with the first character that it has part in,
    so a token whose text a stop string cuts off is not listed, however the answer is
    streamed. `offset` is how many characters stand before the answer.
    """

    def __init__(self, stops: Sequence[str], *, offset: int = 0) -> None:
        self._decoder = TextDecoder()
        self._stops = StopMatcher(stops)
        self._num_decoded = offset
        self._num_shown = offset
        self._waiting: deque[TokenLogprob] = deque()

    @property
    def is_waiting(self) -> bool:
        """Whether the bytes so far end in the middle of a character."""
        return self._decoder.is_waiting

    @property
    def matched(self) -> str | None:
        """The stop string that ended the answer, once one has."""
        return self._stops.matched

    def feed(self, piece: bytes, logprob: TokenLogprob | None) -> Gain:
        """Add a token by its bytes."""
        if logprob is not None:
            self._waiting.append(replace(logprob, offset=self._num_decoded))
        text = self._decoder.feed(piece)
        self._num_decoded += len(text)
        return self._gain(*self._stops.feed(text))

    def end(self) -> Gain:
        """Return what was held back, unless a stop string completes in it after all."""
        gain = self._gain(*self._stops.feed(self._decoder.flush()))
        if gain.is_stopped:
            return gain
        rest = (*gain.logprobs, *self._waiting)
        self._waiting.clear()
        return Gain(text=gain.text + self._stops.flush(), logprobs=rest)

    def _gain(self, text: str, is_stopped: bool) -> Gain:
        self._num_shown += len(text)
        ready = []
        while self._waiting and self._waiting[0].offset < self._num_shown:
            ready.append(self._waiting.popleft())
        return Gain(text=text, logprobs=tuple(ready), is_stopped=is_stopped)
