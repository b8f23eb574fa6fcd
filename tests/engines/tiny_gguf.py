"""A valid GGUF of some 300 KB with random weights: llama architecture, byte-level BPE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

CONTEXT_LENGTH = 256

_NUM_EMBEDDING = 64
_NUM_FEED_FORWARD = 128
_NUM_HEADS = 4
_NUM_KV_HEADS = 2
_NUM_LAYERS = 2
_WORDS = ("he", "ll", "o", "wor", "ld", "th", "the", "in", "ing", "an", "and")
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_GAP = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_gguf(  # noqa: PLR0913 - what models differ in
    path: Path,
    *,
    seed: int = 0,
    chat_template: str = _CHAT_TEMPLATE,
    markers: Sequence[str] = (),
    fills_gaps: bool = False,
    quantizes: bool = True,
    context_length: int = CONTEXT_LENGTH,
    architecture: str = "llama",
) -> Path:
    """Write the model; the same arguments give the same bytes.

    `markers` are further control tokens. With `fills_gaps` it has the tokens of
    fill-in-the-middle, after all others; without `quantizes` its weights are float32. The
    `architecture` may also be `qwen2vl`, whose positions have four axes.
    """
    tokens, merges = _vocabulary()
    gap = _GAP if fills_gaps else ()
    tokens += (*markers, *gap)
    writer = gguf.GGUFWriter(path, architecture)
    _add_hyperparameters(writer, len(tokens), context_length)
    num_control = len(_SPECIAL) + len(markers) + len(gap)
    _add_vocabulary(writer, tokens, merges, num_control=num_control)
    if fills_gaps:
        _add_gap_tokens(writer, tokens)
    writer.add_chat_template(chat_template)
    weights_by_name = _weights(np.random.default_rng(seed), len(tokens))
    if architecture == "qwen2vl":
        writer.add_rope_dimension_sections([2, 3, 3, 0])
        weights_by_name |= _biases()
    for name, weights in weights_by_name.items():
        if weights.ndim == 1 or not quantizes:
            writer.add_tensor(name, weights)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_hyperparameters(writer: gguf.GGUFWriter, num_tokens: int, context_length: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(context_length)
    writer.add_embedding_length(_NUM_EMBEDDING)
    writer.add_block_count(_NUM_LAYERS)
    writer.add_feed_forward_length(_NUM_FEED_FORWARD)
    writer.add_head_count(_NUM_HEADS)
    writer.add_head_count_kv(_NUM_KV_HEADS)
    writer.add_rope_dimension_count(_NUM_EMBEDDING // _NUM_HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(num_tokens)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def _add_vocabulary(
    writer: gguf.GGUFWriter, tokens: list[str], merges: list[str], *, num_control: int
) -> None:
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    kinds[-num_control:] = [gguf.TokenType.CONTROL] * num_control
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)


def add_vocabulary(writer: gguf.GGUFWriter) -> int:
    """Add the tokens of a model without markers; returns how many there are."""
    tokens, merges = _vocabulary()
    writer.add_vocab_size(len(tokens))
    _add_vocabulary(writer, tokens, merges, num_control=len(_SPECIAL))
    return len(tokens)


def _add_gap_tokens(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    for name, token in zip(("pre", "suf", "mid"), _GAP, strict=True):
        writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", tokens.index(token))


def _vocabulary() -> tuple[list[str], list[str]]:
    """The 256 bytes as GPT-2 writes them, some pieces of words, the special tokens."""
    tokens = _byte_letters()
    merges: list[str] = []
    for word in _WORDS:
        for length in range(2, len(word) + 1):
            if word[:length] not in tokens:
                tokens.append(word[:length])
                merges.append(f"{word[: length - 1]} {word[length - 1]}")
    return [*tokens, *_SPECIAL], merges


def _byte_letters() -> list[str]:
    """GPT-2's letters for bytes: themselves where printable, else from 256 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte if byte in printable else 256 + others.index(byte)) for byte in range(256)]


def _weights(rng: np.random.Generator, num_tokens: int) -> dict[str, np.ndarray]:
    embedding, feed_forward = _NUM_EMBEDDING, _NUM_FEED_FORWARD
    num_kv = embedding // _NUM_HEADS * _NUM_KV_HEADS

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32) * np.float32(0.3)

    weights = {
        "token_embd.weight": random(num_tokens, embedding),
        "output_norm.weight": np.ones(embedding, np.float32),
        "output.weight": random(num_tokens, embedding),
    }
    for layer in range(_NUM_LAYERS):
        block = {
            "attn_norm": np.ones(embedding, np.float32),
            "ffn_norm": np.ones(embedding, np.float32),
            "attn_q": random(embedding, embedding),
            "attn_k": random(num_kv, embedding),
            "attn_v": random(num_kv, embedding),
            "attn_output": random(embedding, embedding),
            "ffn_gate": random(feed_forward, embedding),
            "ffn_up": random(feed_forward, embedding),
            "ffn_down": random(embedding, feed_forward),
        }
        weights |= {f"blk.{layer}.{name}.weight": value for name, value in block.items()}
    return weights


def _biases() -> dict[str, np.ndarray]:
    num_kv = _NUM_EMBEDDING // _NUM_HEADS * _NUM_KV_HEADS
    widths = {"attn_q": _NUM_EMBEDDING, "attn_k": num_kv, "attn_v": num_kv}
    return {
        f"blk.{layer}.{name}.bias": np.zeros(width, np.float32)
        for layer in range(_NUM_LAYERS)
        for name, width in widths.items()
    }
