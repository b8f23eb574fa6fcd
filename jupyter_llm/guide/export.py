"""Write guide in both formats: GGUF for llama.cpp, safetensors for the other engines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from jupyter_llm.guide.model import Guide, Shape
from jupyter_llm.guide.tokenizer import (
    CHAT_TEMPLATE,
    CONTROL_TOKENS,
    END_OF_TEXT,
    END_OF_TURN,
    MARKUP_TOKENS,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_LAYER_NAMES = {  # ours: (Hugging Face, GGUF)
    "attn_norm": ("input_layernorm", "attn_norm"),
    "q": ("self_attn.q_proj", "attn_q"),
    "k": ("self_attn.k_proj", "attn_k"),
    "v": ("self_attn.v_proj", "attn_v"),
    "o": ("self_attn.o_proj", "attn_output"),
    "ffn_norm": ("post_attention_layernorm", "ffn_norm"),
    "gate": ("mlp.gate_proj", "ffn_gate"),
    "up": ("mlp.up_proj", "ffn_up"),
    "down": ("mlp.down_proj", "ffn_down"),
}


def write_gguf(model: Guide, tokenizer: Tokenizer, path: Path) -> None:
    """One file: 16-bit matrices, 32-bit norms, vocabulary and chat template."""
    writer = gguf.GGUFWriter(path, "llama")
    _add_description(writer)
    _add_shape(writer, model.shape)
    _add_vocabulary(writer, tokenizer)
    for name, value in _arrays(model).items():
        _, gguf_name = _names(name)
        rotated = name.split(".")[-2] in {"q", "k"}
        rows = _interleave(value, model.shape.head_size) if rotated else value
        writer.add_tensor(gguf_name, rows.astype(np.float32 if rows.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_hf_folder(model: Guide, tokenizer: Tokenizer, folder: Path) -> None:
    """A folder that Hugging Face's transformers, MLX and vLLM load."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        _names(name)[0]: np.ascontiguousarray(value.astype(np.float16))
        for name, value in _arrays(model).items()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = tokenizer.get_vocab()
    end, pad = ids[END_OF_TURN], ids[END_OF_TEXT]
    _write_json(folder / "config.json", _hf_config(model.shape, end=end, pad=pad))
    _write_json(folder / "tokenizer_config.json", _hf_tokenizer_config(model.shape))
    _write_json(
        folder / "generation_config.json",
        {"do_sample": False, "eos_token_id": [end, pad], "pad_token_id": pad},
    )


def read_hf_folder(folder: Path) -> tuple[Guide, Tokenizer]:
    """The model and tokenizer that `write_hf_folder` wrote, to train them further."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = Guide(Shape(vocab_size=tokenizer.get_vocab_size()))
    tensors = load_file(folder / "model.safetensors")
    names = {name: _names(name)[0] for name in model.state_dict()}
    model.load_state_dict(
        {name: torch.from_numpy(tensors[hf]).float() for name, hf in names.items()}
    )
    return model, tokenizer


def _arrays(model: Guide) -> dict[str, NDArray[Any]]:
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def _names(name: str) -> tuple[str, str]:
    if name == "embed.weight":
        return "model.embed_tokens.weight", "token_embd.weight"
    if name == "norm.weight":
        return "model.norm.weight", "output_norm.weight"
    _, layer, part, _ = name.split(".")
    hf_part, gguf_part = _LAYER_NAMES[part]
    return f"model.layers.{layer}.{hf_part}.weight", f"blk.{layer}.{gguf_part}.weight"


def _interleave(weight: NDArray[Any], head_size: int) -> NDArray[Any]:
    """Rows from the halves layout of rotary positions to the pairs that llama.cpp rotates."""
    rows, width = weight.shape
    halves = weight.reshape(rows // head_size, 2, head_size // 2, width)
    return halves.swapaxes(1, 2).reshape(rows, width)


def _add_description(writer: gguf.GGUFWriter) -> None:
    writer.add_name("guide")
    writer.add_description("Answers questions about jupyter-llm and knows nothing else")
    writer.add_license("BSD-3-Clause")
    writer.add_languages(["en"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _add_shape(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_vocab_size(shape.vocab_size)
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_block_count(shape.num_layers)
    writer.add_feed_forward_length(shape.ffn_size)
    writer.add_head_count(shape.num_heads)
    writer.add_head_count_kv(shape.num_kv_heads)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_layer_norm_rms_eps(shape.norm_eps)


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.__getitem__)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([_token_type(token) for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(ids[END_OF_TEXT])
    writer.add_eos_token_id(ids[END_OF_TURN])
    writer.add_pad_token_id(ids[END_OF_TEXT])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _token_type(token: str) -> gguf.TokenType:
    if token in CONTROL_TOKENS:
        return gguf.TokenType.CONTROL
    return gguf.TokenType.USER_DEFINED if token in MARKUP_TOKENS else gguf.TokenType.NORMAL


def _hf_config(shape: Shape, *, end: int, pad: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.hidden_size,
        "intermediate_size": shape.ffn_size,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_kv_heads,
        "head_dim": shape.head_size,
        "max_position_embeddings": shape.context_length,
        "rope_theta": shape.rope_theta,
        "rope_scaling": None,
        "rms_norm_eps": shape.norm_eps,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": pad,
        "eos_token_id": end,
        "pad_token_id": pad,
        "torch_dtype": "float16",
    }


def _hf_tokenizer_config(shape: Shape) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": END_OF_TURN,
        "pad_token": END_OF_TEXT,
        "unk_token": None,
        "model_max_length": shape.context_length,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
