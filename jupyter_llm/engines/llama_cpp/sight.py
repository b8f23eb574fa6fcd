"""What stands in a prompt for a piece of an image: vectors instead of tokens.

In the list of tokens each of its vectors has a negative number. An image that is seen again
has the same numbers, and two different ones never do, so that prefixes with images are
compared like any others. A model may give several vectors the same position (M-RoPE): the
numbers of those that take a position of their own are even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sight:
    """One piece of an image as a model sees it.

    `number` is its own. `vectors` has a row for each token, none before the image is
    encoded. `places` are positions, one row for each axis, in a prompt that begins with it;
    `shifts` is how much each grows with every token before it. `reads_whole` says that its
    tokens look at those behind them, so that all are computed in one step.
    """

    number: int
    num_tokens: int
    num_positions: int
    places: npt.NDArray[np.int32] = field(repr=False)
    shifts: npt.NDArray[np.int32] = field(repr=False)
    reads_whole: bool = False
    vectors: npt.NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def tokens(self) -> list[int]:
        """The numbers that stand for it among the tokens of a prompt."""
        moving = -2 * self.number - 2
        num_resting = self.num_tokens - self.num_positions
        return [moving] * self.num_positions + [moving + 1] * num_resting

    def positions(self, start: int, first: int, count: int) -> npt.NDArray[np.int32]:
        """Where `count` of its tokens from `first` on stand, when it stands at `start`.

        Axis by axis: all of one axis, then all of the next.
        """
        part = slice(first, first + count)
        return np.ascontiguousarray(self.places[:, part] + start * self.shifts[:, part])


Seen = tuple[list[int] | Sight, ...]
"""What one image is to a model: pieces, with tokens around and between them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A sight from token number `start` of a prompt on; its first position is `position`."""

    start: int
    position: int
    sight: Sight

    @property
    def end(self) -> int:
        """The number of the token behind it."""
        return self.start + self.sight.num_tokens


class Spans:
    """Where the images of one prompt stand."""

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        self._spans = tuple(spans)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def at(self, index: int) -> Span | None:
        """What token number `index` is a part of."""
        return next((span for span in self._spans if span.start <= index < span.end), None)

    def limit(self, index: int, count: int) -> int:
        """How many of `count` tokens from `index` on are computed in one go.

        Text and images never are; what reads its whole is never cut.
        """
        span = self.at(index)
        if span is not None:
            rest = span.end - index
            return rest if span.sight.reads_whole else min(count, rest)
        ahead = (span.start - index for span in self._spans if span.start > index)
        return min(count, next(ahead, count))

    def position(self, index: int) -> int:
        """The position of token number `index`, which is text or begins an image."""
        saved = (
            span.sight.num_tokens - span.sight.num_positions
            for span in self._spans
            if span.end <= index
        )
        return index - sum(saved)


def num_positions(tokens: Sequence[int]) -> int:
    """How many positions tokens take, images among them."""
    return sum(token >= 0 or token % 2 == 0 for token in tokens)


def is_within_image(tokens: Sequence[int], index: int) -> bool:
    """Whether a cut before token number `index` may go through an image.

    Also where the same image stands twice in a row: who asks cuts before both.
    """
    if not 0 < index < len(tokens) or tokens[index] >= 0 or tokens[index - 1] >= 0:
        return False
    return tokens[index] // 2 == tokens[index - 1] // 2
