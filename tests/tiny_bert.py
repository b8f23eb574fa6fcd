"""A valid GGUF of some 200 KB with random weights: BERT, which reads and never writes."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

CONTEXT_LENGTH = 128
NUM_DIMENSIONS = 64

_NUM_FEED_FORWARD = 128
_NUM_HEADS = 4
_NUM_LAYERS = 2
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = ("hello", "world", "the", "and", "land", "sea", "model", "query", "answer")


def write_tiny_bert(
    path: Path, *, pooling: gguf.PoolingType | None = gguf.PoolingType.MEAN, seed: int = 0
) -> Path:
    """Write the model; the same seed gives the same weights, whatever the pooling."""
    letters = [f"▁{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    tokens = [*_SPECIAL, *(f"▁{word}" for word in _WORDS), *letters]
    tokens += [letter.removeprefix("▁") for letter in letters]
    writer = gguf.GGUFWriter(path, "bert")
    _add_hyperparameters(writer, pooling)
    _add_vocabulary(writer, tokens)
    ranks = pooling is gguf.PoolingType.RANK
    for name, weights in _weights(np.random.default_rng(seed), len(tokens), ranks=ranks).items():
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_hyperparameters(writer: gguf.GGUFWriter, pooling: gguf.PoolingType | None) -> None:
    writer.add_name("tiny bert")
    writer.add_context_length(CONTEXT_LENGTH)
    writer.add_embedding_length(NUM_DIMENSIONS)
    writer.add_block_count(_NUM_LAYERS)
    writer.add_feed_forward_length(_NUM_FEED_FORWARD)
    writer.add_head_count(_NUM_HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if pooling is not None:
        writer.add_pooling_type(pooling)


def _add_vocabulary(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    kinds[: len(_SPECIAL)] = [gguf.TokenType.CONTROL] * len(_SPECIAL)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_type_count(2)
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_eos_token_id(tokens.index("[SEP]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_add_eos_token(True)
    writer.add_add_sep_token(False)
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_pad_token_id(tokens.index("[PAD]"))


def _weights(rng: np.random.Generator, num_tokens: int, *, ranks: bool) -> dict[str, np.ndarray]:
    width, feed_forward = NUM_DIMENSIONS, _NUM_FEED_FORWARD

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32) * np.float32(0.3)

    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
    weights = {
        "token_embd.weight": random(num_tokens, width),
        "token_types.weight": random(2, width),
        "position_embd.weight": random(CONTEXT_LENGTH, width),
        "token_embd_norm.weight": ones,
        "token_embd_norm.bias": zeros,
    }
    for layer in range(_NUM_LAYERS):
        block = {
            **{f"attn_{each}.weight": random(width, width) for each in ("q", "k", "v", "output")},
            "attn_output_norm.weight": ones,
            "attn_output_norm.bias": zeros,
            "ffn_up.weight": random(feed_forward, width),
            "ffn_down.weight": random(width, feed_forward),
            "layer_output_norm.weight": ones,
            "layer_output_norm.bias": zeros,
        }
        weights |= {f"blk.{layer}.{name}": value for name, value in block.items()}
    if ranks:
        weights |= {"cls.weight": random(width, width), "cls.bias": random(width)}
        weights |= {"cls.output.weight": random(1, width), "cls.output.bias": random(1)}
    return weights
