"""The vocabulary of a `tokenizer.json`: text to tokens, tokens to bytes."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from jupyter_llm.engines.common.vocabulary import GapTokens
from jupyter_llm.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from llguidance import LLTokenizer

    from .folder import Folder

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE = "▁"

_GAP_NAMES = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
    ("<PRE>", "<SUF>", "<MID>"),
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    ("[PREFIX]", "[SUFFIX]", "[MIDDLE]"),
)
"""What the tokens of fill-in-the-middle are called, by families of models."""


class FileVocabulary:
    """The vocabulary of a folder; safe to use from several threads.

    Of `num_tokens` ids, as many as the model has logits, the last ones may stand for nothing.

    Raises:
        ModelFileError: `tokenizer.json` is damaged.
    """

    def __init__(self, folder: Folder, num_tokens: int) -> None:
        self._tokenizer = _read(folder.path / "tokenizer.json")
        self._path = folder.path / "tokenizer.json"
        self._added = self._tokenizer.get_added_tokens_decoder()
        self._pieces: dict[int, bytes] = {}
        decoder = self._tokenizer.decoder
        self._is_byte_level = decoder is not None and "ByteLevel" in str(
            json.loads(decoder.__getstate__())
        )
        self.num_tokens = max(num_tokens, self._tokenizer.get_vocab_size())
        self.bos_text = folder.bos_text
        self.eos_text = folder.eos_text
        eos = self._tokenizer.token_to_id(folder.eos_text) if folder.eos_text else None
        self.end_tokens = folder.end_tokens | ({eos} if eos is not None else frozenset())
        bos = self._tokenizer.token_to_id(folder.bos_text) if folder.bos_text else None
        self.adds_bos = bos is not None and self._tokenizer.encode("").ids[:1] == [bos]

    def tokenize(
        self, text: str, *, adds_special: bool = True, parses_special: bool = True
    ) -> list[int]:
        """Tokens of `text`. See `Vocabulary.tokenize`."""
        tokenizer = self._tokenizer if parses_special else self._plain
        # half of a character has no UTF-8
        whole = text.encode("utf-8", "replace").decode()
        ids: list[int] = tokenizer.encode(whole, add_special_tokens=adds_special).ids
        return ids

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they belong into an answer: none for control tokens."""
        piece = self._pieces.get(token)
        if piece is None:
            added = self._added.get(token)
            is_control = added is not None and added.special
            piece = self._pieces[token] = b"" if is_control else self._spelled(token)
        return piece

    def name(self, token: int) -> bytes:
        """The bytes of a token, control tokens spelled out."""
        return self.piece(token) or self._spelled(token)

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""
        return token in self.end_tokens

    def control_token(self, text: str) -> int | None:
        """The token that is spelled like this and is no text to a grammar, if there is one."""
        token: int | None = self._tokenizer.token_to_id(text)
        return token if token is not None and self._is_special(token) else None

    @cached_property
    def gap_tokens(self) -> GapTokens | None:
        """The tokens of fill-in-the-middle, where the model has them."""
        for names in _GAP_NAMES:
            before, suffix, middle = map(self._tokenizer.token_to_id, names)
            if before is not None and suffix is not None and middle is not None:
                begin = self._tokenizer.encode("").ids[:1] if self.adds_bos else []
                return GapTokens(begin=(*begin, before), suffix=suffix, middle=middle)
        return None

    def grammar_tokenizer(self) -> LLTokenizer:
        """The vocabulary for llguidance; takes up to a second."""
        from llguidance import LLTokenizer, TokenizerWrapper

        return LLTokenizer(
            TokenizerWrapper(_ForGrammars(self)),
            n_vocab=self.num_tokens,
            eos_token=sorted(self.end_tokens) or None,
        )

    @property
    def special_tokens(self) -> list[int]:
        """Those that are no text to a grammar, which names them to allow them."""
        return [token for token in self._added if self._is_special(token)]

    @cached_property
    def _plain(self) -> Any:
        """The same tokenizer, to which control tokens that are spelled out are text."""
        plain = _read(self._path)
        plain.encode_special_tokens = True
        return plain

    def _is_special(self, token: int) -> bool:
        added = self._added.get(token)
        if added is None:
            return False
        text: str = added.content
        return bool(added.special) or (text.startswith("<") and text.endswith(">"))

    def _spelled(self, token: int) -> bytes:
        if added := self._added.get(token):
            return str(added.content).encode()
        text = self._tokenizer.id_to_token(token)
        if text is None:
            return b""
        if self._is_byte_level:
            return b"".join(_BYTES.get(one) or one.encode() for one in text)
        if found := _BYTE.fullmatch(text):
            return bytes([int(found[1], 16)])
        return str(text).replace(_SPACE, " ").encode()


class _ForGrammars:
    """What llguidance asks of a vocabulary."""

    def __init__(self, vocabulary: FileVocabulary) -> None:
        self._vocabulary = vocabulary
        self.tokens = [vocabulary.name(token) for token in range(vocabulary.num_tokens)]
        self.special_token_ids = vocabulary.special_tokens
        self.eos_token_id = min(vocabulary.end_tokens, default=0)
        self.bos_token_id = None

    def __call__(self, text: str) -> list[int]:
        return self._vocabulary.tokenize(text, adds_special=False)


def _read(path: Path) -> Any:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare exceptions
        raise ModelFileError(f"{path} is damaged ({error!s:.200}). Download it again.") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _bytes_of_characters() -> dict[str, bytes]:
    """Byte-level vocabularies write each byte as a printable character (GPT-2's encoder.py)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    pairs = [(chr(byte), byte) for byte in printable]
    pairs += [(chr(256 + place), byte) for place, byte in enumerate(others)]
    return {character: bytes([byte]) for character, byte in pairs}


_BYTES = _bytes_of_characters()
