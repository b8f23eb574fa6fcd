"""From GGUF files to the model, the adapter or the projector that they hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.facts import Described, DescribedModel, Projector
from jupyter_llm.library.gguf import GGUFHeader, read_header
from jupyter_llm.library.kv_values import kv_values_of_header
from jupyter_llm.types import Adapter, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.library.files import GGUFFiles

_PROJECTORS = {"mmproj", "clip-vision"}
ENCODERS = {
    "bert",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
}
"""Architectures of llama.cpp that give vectors and no text, and keep no cache."""

_POOLING_NONE, _POOLING_RANK = 0, 4
"""Of `enum llama_pooling_type`; the others make one vector of a text."""

_MAX_NAME = 64
_MAX_TEXT = 200


def describe_gguf(files: GGUFFiles) -> Described:
    """Read what the files say of themselves; the id is their common name.

    Raises:
        ModelFileError: They are damaged, incomplete, or hold nothing that can be used.
    """
    files.check_complete()
    headers = [read_header(Path(file.path)) for file in files.files]
    first, num_tensors = headers[0], sum(header.num_tensors for header in headers)
    if not 0 < len(first.architecture) <= _MAX_NAME:
        raise ModelFileError("The file names no architecture, so no engine can run it.")
    if num_tensors == 0:
        raise ModelFileError("The file holds a vocabulary but no weights, so it cannot run.")
    kind = first.text("general.type")
    if kind == "imatrix" or first.architecture == "imatrix":
        raise ModelFileError("The file is a table for quantizing another model, not a model.")
    if kind == "adapter":
        return _adapter(files, first)
    if kind in _PROJECTORS or first.architecture == "clip":
        return _projector(files, first)
    return DescribedModel(
        model=_model(files, headers), width=first.number(f"{first.architecture}.embedding_length")
    )


def _model(files: GGUFFiles, headers: Sequence[GGUFHeader]) -> Model:
    first = headers[0]
    num_parts = first.number("split.count") or len(headers)
    if num_parts != len(headers):
        raise ModelFileError(
            f"The file is one of {num_parts} parts of a model. They belong in one folder, under "
            f"names that end in -00001-of-{num_parts:05} and so on."
        )
    return Model(
        id=files.stem,
        path=files.path,
        format="gguf",
        engine="llama_cpp",
        size_bytes=files.size_bytes,
        architecture=first.architecture,
        quantization=first.quantization or _most_common_type(headers),
        num_parameters=sum(header.num_parameters for header in headers),
        context_length=first.context_length,
        has_chat_template=bool(first.chat_template),
        modalities=_modalities(first),
        licence=first.text("general.license")[:_MAX_TEXT],
        num_kv_values=0 if first.architecture in ENCODERS else kv_values_of_header(first),
    )


def _modalities(header: GGUFHeader) -> tuple[str, ...]:
    pooling = header.metadata.get(f"{header.architecture}.pooling_type")
    if pooling == _POOLING_RANK:
        return ("rerank",)
    pools = isinstance(pooling, int) and pooling > _POOLING_NONE
    return ("embedding",) if pools or header.architecture in ENCODERS else ("text",)


def _adapter(files: GGUFFiles, header: GGUFHeader) -> Adapter:
    kind = header.text("adapter.type") or "lora"
    if kind != "lora":
        raise ModelFileError(f"The file is an adapter of the kind {kind[:_MAX_NAME]!r}, not LoRA.")
    base = header.text("general.base_model.0.name") or header.text("general.basename")
    return Adapter(
        id=files.stem,
        path=files.path,
        format="gguf",
        architecture=header.architecture,
        base_model=base[:_MAX_TEXT],
        size_bytes=files.size_bytes,
    )


def _projector(files: GGUFFiles, header: GGUFHeader) -> Projector:
    sees = header.metadata.get("clip.has_vision_encoder")
    hears = header.metadata.get("clip.has_audio_encoder")
    # the first projectors were for images alone and did not say so
    modalities = [name for name, has in (("image", sees or not hears), ("audio", hears)) if has]
    widths = (header.number(f"clip.{kind}projection_dim") for kind in ("vision.", "audio.", ""))
    return Projector(
        path=files.path,
        stem=files.stem,
        width=next((width for width in widths if width), 0),
        modalities=tuple(modalities),
        size_bytes=files.size_bytes,
    )


def _most_common_type(headers: Sequence[GGUFHeader]) -> str:
    sizes: Counter[str] = Counter()
    for header in headers:
        sizes.update(header.tensor_bytes)
    return max(sizes, key=sizes.__getitem__, default="")
