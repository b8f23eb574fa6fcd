"""A model's vocabulary: text to tokens, tokens to bytes."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

_PIECE_BYTES = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class GapTokens:
    """What stands before a prefix, between it and its suffix, and before the text between them."""

    begin: tuple[int, ...]
    suffix: int
    middle: int


class Vocabulary:
    """The vocabulary of a loaded model; safe to use from several threads."""

    def __init__(self, llama: ModuleType, model: Any) -> None:
        self._llama = llama
        self._handle = llama.llama_model_get_vocab(model)
        self._pieces: dict[int, bytes] = {}
        self.num_tokens: int = llama.llama_vocab_n_tokens(self._handle)
        self.adds_bos: bool = llama.llama_vocab_get_add_bos(self._handle)
        self.bos_text = self._special_text(llama.llama_vocab_bos(self._handle))
        self.eos_text = self._special_text(llama.llama_vocab_eos(self._handle))

    def tokenize(self, text: str) -> list[int]:
        """Tokens of `text`; control tokens spelled out in it count as such."""
        return self._tokenize(text, special=True)

    def tokenize_plain(self, text: str) -> list[int]:
        """Tokens of `text` as a part of a prompt: nothing is added, nothing in it is control."""
        return self._tokenize(text, special=False)

    @cached_property
    def gap_tokens(self) -> GapTokens | None:
        """The tokens of fill-in-the-middle, where the model has them."""
        names = ("pre", "suf", "mid")
        before, suffix, middle = (
            getattr(self._llama, f"llama_vocab_fim_{name}")(self._handle) for name in names
        )
        if min(before, suffix, middle) < 0:
            return None
        first = (self._llama.llama_vocab_bos(self._handle),) if self.adds_bos else ()
        return GapTokens(begin=(*first, before), suffix=suffix, middle=middle)

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they belong into an answer: none for control tokens."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token, special=False)
        return piece

    def name(self, token: int) -> bytes:
        """The bytes of a token, control tokens spelled out."""
        return self.piece(token) or self._read_piece(token, special=True)

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""
        return token in self.end_tokens

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        """All tokens with which the model ends an answer."""
        is_end = self._llama.llama_vocab_is_eog
        return frozenset(t for t in range(self.num_tokens) if is_end(self._handle, t))

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        tokens = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(
            self._handle, data, len(data), tokens, room, special, special
        )
        return tokens[:count]

    def _special_text(self, token: int) -> str:
        if not 0 <= token < self.num_tokens:
            return ""
        return self._read_piece(token, special=True).decode("utf-8", "replace")

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        read = self._llama.llama_token_to_piece
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        size = read(self._handle, token, buffer, _PIECE_BYTES, 0, special)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = read(self._handle, token, buffer, -size, 0, special)
        return buffer.raw[:size]
