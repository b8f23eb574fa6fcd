"""Models with random weights, to measure with; the usual one has half a billion parameters.

Its shapes are those of Qwen2.5-0.5B; what it writes is noise, what it costs is not.
Its vocabulary is made up: bytes, then all words of two, three and four letters,
so that ordinary lower-case text has about as many tokens as it would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase

import gguf
import numpy as np
import numpy.typing as npt

CONTEXT_LENGTH = 32_768

Q8_0_BLOCK = 32
"""Weights that share one scale; a block is an f16 scale and 32 signed bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How large a model is; `width` is a multiple of `num_heads`."""

    num_layers: int
    width: int
    feed_forward: int
    num_heads: int
    num_kv_heads: int
    num_tokens: int

    @property
    def kv_width(self) -> int:
        """Numbers that one layer keeps of one token, for keys and as many for values."""
        return self.width // self.num_heads * self.num_kv_heads


HALF_BILLION = Shape(
    num_layers=24,
    width=896,
    feed_forward=4864,
    num_heads=14,
    num_kv_heads=2,
    num_tokens=151_936,
)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def write_random_model(path: Path, shape: Shape = HALF_BILLION, quantization: str = "Q8_0") -> None:
    """Write the model as a GGUF, by default of about 530 MB; the same bytes each time."""
    part = path.with_suffix(".part")
    kind = gguf.GGMLQuantizationType[quantization]
    writer = gguf.GGUFWriter(part, "qwen2")
    _add_metadata(writer, shape)
    _add_vocabulary(writer, shape.num_tokens)
    rng = np.random.default_rng(0)
    for name, size in _matrices(shape):
        writer.add_tensor(name, _random(rng, size, kind), raw_dtype=kind)
    for name, length, value in _vectors(shape):
        writer.add_tensor(name, np.full(length, value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.rename(path)


def _add_metadata(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_name("random weights")
    writer.add_context_length(CONTEXT_LENGTH)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.num_layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.num_heads)
    writer.add_head_count_kv(shape.num_kv_heads)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)


def _add_vocabulary(writer: gguf.GGUFWriter, num_tokens: int) -> None:
    pairs = list(islice(merges(), num_tokens - 256 - len(SPECIAL_TOKENS)))
    words = [pair.replace(" ", "") for pair in pairs]
    tokens = [*byte_characters(), *words, *SPECIAL_TOKENS]
    kinds = [gguf.TokenType.NORMAL] * (num_tokens - len(SPECIAL_TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([*kinds, *[gguf.TokenType.CONTROL] * len(SPECIAL_TOKENS)])
    writer.add_token_merges(pairs)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)


def byte_characters() -> list[str]:
    """GPT-2's characters for the 256 bytes (openai/gpt-2, src/encoder.py)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    names = {byte: chr(byte) for byte in printable}
    names |= {byte: chr(256 + rank) for rank, byte in enumerate(others)}
    return [names[byte] for byte in range(256)]


def merges() -> Iterator[str]:
    """The words of two letters and more, each as its beginning and its last letter."""
    for length in (2, 3, 4):
        for letters in product(ascii_lowercase, repeat=length):
            word = "".join(letters)
            yield f"{word[:-1]} {word[-1]}"


def _matrices(shape: Shape) -> Iterator[tuple[str, tuple[int, int]]]:
    width, kv_width, feed_forward = shape.width, shape.kv_width, shape.feed_forward
    yield "token_embd.weight", (shape.num_tokens, width)
    for layer in range(shape.num_layers):
        block = f"blk.{layer}."
        yield block + "attn_q.weight", (width, width)
        yield block + "attn_k.weight", (kv_width, width)
        yield block + "attn_v.weight", (kv_width, width)
        yield block + "attn_output.weight", (width, width)
        yield block + "ffn_gate.weight", (feed_forward, width)
        yield block + "ffn_up.weight", (feed_forward, width)
        yield block + "ffn_down.weight", (width, feed_forward)


def _vectors(shape: Shape) -> Iterator[tuple[str, int, float]]:
    yield "output_norm.weight", shape.width, 1.0
    for layer in range(shape.num_layers):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", shape.width, 1.0
        yield block + "ffn_norm.weight", shape.width, 1.0
        yield block + "attn_q.bias", shape.width, 0.0
        yield block + "attn_k.bias", shape.kv_width, 0.0
        yield block + "attn_v.bias", shape.kv_width, 0.0


def _random(
    rng: np.random.Generator, size: tuple[int, int], kind: gguf.GGMLQuantizationType
) -> npt.NDArray[np.generic]:
    """Weights of standard deviation 0.02."""
    if kind is gguf.GGMLQuantizationType.Q8_0:
        return _random_q8_0(rng, size)
    weights = rng.standard_normal(size, np.float32) * np.float32(0.02)
    return np.asarray(gguf.quants.quantize(weights, kind))


def _random_q8_0(rng: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Weights of standard deviation 0.02, written as Q8_0 blocks without quantizing."""
    num_rows, num_columns = shape
    num_blocks = num_rows * num_columns // Q8_0_BLOCK
    blocks = np.empty((num_blocks, 2 + Q8_0_BLOCK), np.uint8)
    scale = np.array([0.02 / 73], np.float16)  # uniform signed bytes deviate by 73
    blocks[:, :2] = scale.view(np.uint8)
    blocks[:, 2:] = rng.integers(0, 256, (num_blocks, Q8_0_BLOCK), np.uint8)
    return blocks.reshape(num_rows, -1)
