"""How many parameters tensors hold, and in how many bits: packed ones are counted unpacked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from jupyter_llm.library.kv_values import whole_number
from jupyter_llm.library.safetensors import DTYPE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jupyter_llm.library.safetensors import StoredTensor

_BYTE = 8
_BESIDE = (
    "scale", "scales", "scale_inv", "scale_2", "input_scale", "weight_scale", "weight_scale_inv",
    "weight_scale_2", "weight_global_scale", "input_global_scale", "weight_zero_point",
    "weight_shape", "k_scale", "v_scale", "qzeros", "zeros", "g_idx", "biases", "absmax",
    "quant_map", "nested_absmax", "nested_quant_map",
)  # fmt: skip
"""Last parts of the names of what unpacks weights: GPTQ, AWQ, bitsandbytes, FP8, MLX and
compressed-tensors have one or several of them beside each weight."""

_PACKED = {"I32", "U32", "U8", "I8"}


def quantization_bits(config: Mapping[str, Any]) -> int:
    """Bits of a quantized weight as `config.json` states them; 0 where it states none."""
    stated = _quantization(config)
    if stated.get("load_in_4bit") is True or stated.get("quant_method") == "mxfp4":
        return 4
    if stated.get("load_in_8bit") is True or stated.get("quant_method") == "fp8":
        return _BYTE
    groups = stated.get("config_groups")
    if isinstance(groups, dict):
        weights = [g["weights"] for g in groups.values() if isinstance(g, dict) and "weights" in g]
        bits = [whole_number(w, "num_bits") for w in weights if isinstance(w, dict)]
        return max(bits, default=0)
    return whole_number(stated, "bits", "w_bit")


def quantization_name(config: Mapping[str, Any], tensors: Iterable[StoredTensor]) -> str:
    """How the weights are stored, such as `gptq-4bit`, or the type of most of them."""
    stated = _quantization(config)
    bits = quantization_bits(config)
    method = stated.get("quant_method", "mlx" if stated else "")
    if isinstance(method, str) and method:
        return f"{method[:40]}-{bits}bit" if bits else method[:40]
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.dtype] += tensor.size_bytes
    return max(sizes, key=sizes.__getitem__, default="")[:40]


def num_parameters(tensors: Mapping[str, StoredTensor], bits: int) -> int:
    """Numbers that were trained, where packed weights have `bits` each (0: none is packed)."""
    return sum(
        _num_unpacked(tensor, bits) for name, tensor in tensors.items() if not _is_beside(name)
    )


def _num_unpacked(tensor: StoredTensor, bits: int) -> int:
    width = DTYPE_BITS.get(tensor.dtype, 0)
    if tensor.dtype in _PACKED and 0 < bits < width:
        return tensor.num_elements * width // bits
    return tensor.num_elements


def _is_beside(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last in _BESIDE or "quant_state" in name or last.endswith("_scales")


def _quantization(config: Mapping[str, Any]) -> Mapping[str, Any]:
    stated = config.get("quantization_config") or config.get("quantization")
    return stated if isinstance(stated, dict) else {}
