"""LoRA adapters: small changes to the weights of a model, read from files of their own."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from jupyter_llm.errors import ModelFileError

from .bindings import log_lines


def apply_adapters(llama: ModuleType, model: Any, context: Any, paths: Sequence[str]) -> None:
    """Have `context` compute with these adapters of `model`, which frees them with itself.

    Raises:
        ModelFileError: One is damaged, or was made for another model.
    """
    if not paths:
        return
    adapters = [_read(llama, model, path) for path in paths]
    handles = (type(adapters[0]) * len(adapters))(*adapters)
    scales = (ctypes.c_float * len(adapters))(*[1.0] * len(adapters))
    if llama.llama_set_adapters_lora(context, handles, len(adapters), scales):
        raise ModelFileError(
            f"llama.cpp cannot use these adapters together: {log_lines.first_error()}.",
            param="adapters",
        )


def _read(llama: ModuleType, model: Any, path: str) -> Any:
    adapter = llama.llama_adapter_lora_init(model, path.encode())
    if not adapter:
        raise ModelFileError(
            f"{path} cannot be used with this model: {log_lines.first_error()}.", param="adapters"
        )
    return adapter
