"""A model's vocabulary as everything above it sees it: text to tokens, tokens to bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The tokens that this model wants around a text, each one or none."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    separator: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GapTokens:
    """What stands before a prefix, between it and its suffix, and before the text between them."""

    begin: tuple[int, ...]
    suffix: int
    middle: int


class Pieces(Protocol):
    """What an answer needs of a vocabulary."""

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they belong into an answer: none for control tokens."""

    def name(self, token: int) -> bytes:
        """The bytes of a token, control tokens spelled out."""

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""


class Vocabulary(Pieces, Protocol):
    """What a prompt needs of a vocabulary; safe to use from several threads.

    Ids run from 0 to `num_tokens` - 1. `bos_text` and `eos_text` are the tokens that begin a
    text and end an answer, spelled out, empty where there is none; tokenizing puts the first
    one before a text where `adds_bos`.
    """

    num_tokens: int
    adds_bos: bool
    bos_text: str
    eos_text: str

    @property
    def gap_tokens(self) -> GapTokens | None:
        """The tokens of fill-in-the-middle, where the model has them."""

    def tokenize(
        self, text: str, *, adds_special: bool = True, parses_special: bool = True
    ) -> list[int]:
        """Tokens of `text`.

        `adds_special` puts around it what the model wants there; with `parses_special`
        control tokens that are spelled out in it count as such.
        """

    def control_token(self, text: str) -> int | None:
        """The token that is spelled like this and is no text to a grammar, if there is one."""
