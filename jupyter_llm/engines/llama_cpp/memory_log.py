"""Read from llama.cpp's log how much memory a model takes."""

from __future__ import annotations

import re

from jupyter_llm.types import MemoryUse

_MEBIBYTE = 1024 * 1024

_WEIGHTS = re.compile(r"(?:file|LoRA buffer) size\s*=\s*([\d.]+) (MiB|GiB)")
_KV_CACHE = re.compile(r"llama_(?:kv_cache|memory_recurrent)\w*:\s+size\s*=\s*([\d.]+) (MiB)")
_COMPUTE = re.compile(r"(?:compute|output) buffer size\s*=\s*([\d.]+) (MiB)")


def memory_from_log(text: str) -> MemoryUse:
    """The memory of one model and context, from what was logged while they were made.

    These lines read the same whether buffers were allocated or, with `no_alloc`,
    only planned; there is no function in llama.cpp's C interface for it.
    """
    return MemoryUse(
        weights_bytes=_sum_bytes(_WEIGHTS, text),
        kv_cache_bytes=_sum_bytes(_KV_CACHE, text),
        compute_bytes=_sum_bytes(_COMPUTE, text),
    )


def _sum_bytes(pattern: re.Pattern[str], text: str) -> int:
    units = {"MiB": _MEBIBYTE, "GiB": 1024 * _MEBIBYTE}
    return sum(int(float(number) * units[unit]) for number, unit in pattern.findall(text))
