"""The guide model in 32-bit numbers, in both formats: the same weights for every engine.

Its own files have 16 bits; each number becomes 32 bits wide without a change.
"""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copyfile

import gguf
import numpy as np
from safetensors.numpy import load_file, save_file

from jupyter_llm.guide import GUIDE_PATH

FOLDER = Path(__file__).parents[1] / "models" / "guide"
_SMALL_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")


def write_folder(folder: Path) -> Path:
    """A folder of safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _SMALL_FILES:
        copyfile(FOLDER / name, folder / name)
    config = json.loads((FOLDER / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "torch_dtype": "float32"}))
    tensors = load_file(FOLDER / "model.safetensors")
    wide = {name: value.astype(np.float32) for name, value in tensors.items()}
    save_file(wide, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_gguf(path: Path) -> Path:
    """A GGUF file: what the shipped one says of itself, with wider tensors."""
    reader = gguf.GGUFReader(GUIDE_PATH)
    writer = gguf.GGUFWriter(path, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = field.contents()
        if field.name == "general.file_type":
            value = int(gguf.LlamaFileType.ALL_F32)
        kind, inner = field.types[0], field.types[-1]
        writer.add_key_value(field.name, value, kind, inner if kind != inner else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
