"""The log-probabilities of a prompt's own tokens, for who wants them echoed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Tokens
from dataclasses import dataclass, replace

from jupyter_llm.chat.text import TextDecoder
from jupyter_llm.engines.common.logprobs import Logits, token_logprob
from jupyter_llm.engines.common.vocabulary import Pieces
from jupyter_llm.types import TokenAlternative, TokenChunk, TokenLogprob


@dataclass(frozen=True, kw_only=True, slots=True)
class Echo:
    """A prompt as its caller gets it back; `offsets` is where in it each token begins."""

    text: str
    offsets: tuple[int, ...] = ()


class PromptScores:
    """What is known of a prompt's tokens while its parts are computed.

    The logits at one token score the next, so the first has none. `num_known` tokens are
    scored; as many need not be computed again, for their logits are not wanted any more.
    """

    def __init__(self, echo: Echo, tokens: Tokens[int], num_top: int) -> None:
        self._echo = echo
        self._tokens = tuple(tokens)
        self._num_top = num_top
        self._known: list[TokenLogprob] = []

    @property
    def num_known(self) -> int:
        """Tokens scored by logits."""
        return max(len(self._known) - 1, 0)

    @property
    def is_complete(self) -> bool:
        """Whether every token is scored that can be."""
        return len(self._known) == len(self._tokens)

    def note(
        self, pieces: Pieces, start: int, num_tokens: int, logits_at: Callable[[int], Logits]
    ) -> None:
        """Take the logits of `num_tokens` from position `start` on; `logits_at` counts from it."""
        if not self._known:
            self._known.append(self._first(pieces.name(self._tokens[0])))
        last = min(start + num_tokens, len(self._tokens) - 1)
        for position in range(len(self._known), last + 1):
            logits = logits_at(position - 1 - start)
            found = token_logprob(pieces, logits, self._tokens[position], self._num_top)
            self._known.append(replace(found, offset=self._echo.offsets[position]))

    def note_all(self, pieces: Pieces, found: Iterable[TokenLogprob]) -> None:
        """Take the scores of all tokens but the first, as somebody else has computed them."""
        self._known = [self._first(pieces.name(self._tokens[0]))]
        places = self._echo.offsets[1:]
        self._known += [replace(one, offset=at) for one, at in zip(found, places, strict=True)]

    def chunk(self) -> TokenChunk:
        """The prompt as the beginning of the answer."""
        return TokenChunk(text=self._echo.text, logprobs=tuple(self._known))

    def _first(self, name: bytes) -> TokenLogprob:
        text = name.decode("utf-8", "replace")
        return TokenLogprob(
            chosen=TokenAlternative(text=text, text_bytes=name, logprob=None),
            offset=self._echo.offsets[0],
        )


def offsets_in(text: str, pieces: Tokens[bytes]) -> tuple[int, ...]:
    """Where each of a text's tokens begins in it, in characters.

    Tokens may spell more than the text: a token that begins every text, a space before it.
    That stands before its first character.
    """
    num_bytes = sum(map(len, pieces))
    num_added = max(num_bytes - len(text.encode("utf-8", "replace")), 0)
    decoder, offset, offsets = TextDecoder(), 0, []
    for piece in pieces:
        offsets.append(offset)
        offset += len(decoder.feed(piece[num_added:]))
        num_added = max(num_added - len(piece), 0)
    return tuple(offsets)
