"""GGUF files written by the `gguf` package, small ones unless a test asks for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_gguf(  # noqa: PLR0913 - one for each thing a test varies
    path: Path,
    *,
    architecture: str = "llama",
    kind: str = "model",
    file_type: int | None = gguf.LlamaFileType.MOSTLY_Q8_0,
    num_tokens: int = 16,
    num_tensors: int = 2,
    chat_template: str = "{{ messages }}",
    context_length: int = 512,
    keys: Mapping[str, int | bool | str | list[int]] | None = None,
) -> Path:
    """Write a file with a header like a real model's; its tensors are 32 x 4 in Q8_0.

    `keys` are further metadata.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(kind)
    writer.add_context_length(context_length)
    for key, value in (keys or {}).items():
        _add(writer, key, value)
    if file_type is not None:
        writer.add_file_type(file_type)
    writer.add_token_list([f"token {number}" for number in range(num_tokens)])
    writer.add_token_scores([0.0] * num_tokens)
    if chat_template:
        writer.add_chat_template(chat_template)
    quantized = gguf.GGMLQuantizationType.Q8_0
    for number in range(num_tensors):
        data = gguf.quants.quantize(np.full((4, 32), number, dtype=np.float32), quantized)
        writer.add_tensor(f"blk.{number}.weight", data, raw_dtype=quantized)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: int | bool | str | list[int]) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case str():
            writer.add_string(key, value)
        case list():
            writer.add_array(key, value)
