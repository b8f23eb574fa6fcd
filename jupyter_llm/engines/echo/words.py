"""Echo's words, and what they are as numbers: ids, and vectors alike where the words are."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Sequence
from zlib import crc32

NUM_DIMENSIONS = 64

_MAX_ID = 0x7FFFFFFF
_TOKEN = re.compile(r"\s*\S+|\s+")


def split_tokens(text: str) -> list[str]:
    """Cut text into echo's tokens: a word with the white space before it.

    White space at the end is a token of its own, so the tokens join to the text.
    """
    return _TOKEN.findall(text)


def token_id(word: str) -> int:
    """The same number for the same word, always; there is no way back."""
    return crc32(word.encode("utf-8", "replace")) & _MAX_ID


def vector(words: Iterable[str], num_dimensions: int) -> bytes:
    """A vector of length 1 with a place and a sign for each word, white space aside."""
    numbers = [0.0] * NUM_DIMENSIONS
    for word in words:
        place = token_id(word.strip().lower())
        numbers[place % NUM_DIMENSIONS] += 1.0 if place & 0x4000_0000 else -1.0
    numbers = numbers[:num_dimensions]
    length = math.hypot(*numbers)
    if not length:
        numbers[0] = length = 1.0
    return _packed([number / length for number in numbers])


def _packed(numbers: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)
