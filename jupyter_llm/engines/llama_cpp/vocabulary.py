"""A model's vocabulary: text to tokens, tokens to bytes."""

from __future__ import annotations

import ctypes
from functools import cached_property
from types import ModuleType
from typing import Any

from jupyter_llm.engines.common.vocabulary import GapTokens, Marks

_PIECE_BYTES = 256

_SPECIAL_MARK = b"\xff"
"""What llguidance wants before a token that is no text; no UTF-8 has this byte."""


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

    def tokenize(
        self, text: str, *, adds_special: bool = True, parses_special: bool = True
    ) -> list[int]:
        """Tokens of `text`.

        `adds_special` puts around it what the model wants there; with `parses_special`
        control tokens that are spelled out in it count as such.
        """
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        tokens = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(
            self._handle, data, len(data), tokens, room, adds_special, parses_special
        )
        return tokens[:count]

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they belong into an answer: none for control tokens."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token, special=False)
        return piece

    def name(self, token: int) -> bytes:
        """The bytes of a token, control tokens spelled out."""
        return self.piece(token) or self._read_piece(token, special=True)

    def text(self, token: int) -> bytes:
        """A token as the file spells it, which says what kind of vocabulary it is, too."""
        text: bytes = self._llama.llama_vocab_get_text(self._handle, token)
        return text

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""
        return token in self.end_tokens

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        """All tokens with which the model ends an answer."""
        is_end = self._llama.llama_vocab_is_eog
        return frozenset(t for t in range(self.num_tokens) if is_end(self._handle, t))

    def control_token(self, text: str) -> int | None:
        """The token that is spelled like this and is no text to a grammar, if there is one."""
        tokens = self.tokenize(text, adds_special=False)
        if len(tokens) != 1:
            return None
        is_special = self._grammar_token(tokens[0]) == _SPECIAL_MARK + text.encode()
        return tokens[0] if is_special else None

    @cached_property
    def marks(self) -> Marks:
        """What the model wants around a text; without an end, a separator ends it."""
        llama, handle = self._llama, self._handle
        end, separator = llama.llama_vocab_eos(handle), llama.llama_vocab_sep(handle)
        end = separator if end < 0 else end
        return Marks(
            begin=_if(llama.llama_vocab_get_add_bos(handle), llama.llama_vocab_bos(handle)),
            end=_if(llama.llama_vocab_get_add_eos(handle), end),
            separator=_if(llama.llama_vocab_get_add_sep(handle), separator),
        )

    @cached_property
    def gap_tokens(self) -> GapTokens | None:
        """The tokens of fill-in-the-middle, where the model has them."""
        names = ("pre", "suf", "mid")
        before, suffix, middle = (
            getattr(self._llama, f"llama_vocab_fim_{name}")(self._handle) for name in names
        )
        if min(before, suffix, middle) < 0:
            return None
        return GapTokens(begin=(*self.marks.begin, before), suffix=suffix, middle=middle)

    def grammar_tokenizer(self) -> Any:
        """The vocabulary for llguidance; takes up to a second, and goes when the model goes.

        Tokens such as `<tool_call>` are no text to it: a grammar names them to allow them.
        llguidance's own `lltokenizer_from_vocab` does the same with deprecated calls.
        """
        from llguidance import LLTokenizer

        return LLTokenizer.from_llamacpp(
            tokens=[self._grammar_token(token) for token in range(self.num_tokens)],
            vocab_ptr=self._handle,
            tokenize_fptr=ctypes.cast(self._llama._lib.llama_tokenize, ctypes.c_void_p).value,  # noqa: SLF001 - the function itself, which the bindings wrap
            eos_token=sorted(self.end_tokens),
        )

    def _grammar_token(self, token: int) -> bytes:
        name = self._read_piece(token, special=True)
        attributes = self._llama.llama_vocab_get_attr(self._handle, token)
        is_special = bool(attributes & self._llama.LLAMA_TOKEN_ATTR_CONTROL) or (
            bool(attributes & self._llama.LLAMA_TOKEN_ATTR_USER_DEFINED)
            and name.startswith(b"<")
            and name.endswith(b">")
        )
        return _SPECIAL_MARK + name if is_special else name

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


def _if(is_wanted: bool, token: int) -> tuple[int, ...]:
    return (token,) if is_wanted and token >= 0 else ()
