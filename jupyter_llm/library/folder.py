"""From a folder of safetensors to the model or the adapter that it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.facts import Described, DescribedModel
from jupyter_llm.library.files import ADAPTER_CONFIG, CONFIG
from jupyter_llm.library.kv_values import kv_values_of_config, whole_number
from jupyter_llm.library.parameters import num_parameters, quantization_bits, quantization_name
from jupyter_llm.library.safetensors import StoredTensor, read_tensors
from jupyter_llm.library.small_files import front_matter, read_json
from jupyter_llm.types import Adapter, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.library.files import FoundFile, ModelFolder

_INDEX = "model.safetensors.index.json"
_PART = re.compile(r"model-\d{5}-of-(\d{5})\.safetensors")
_MAX_TEXT = 200
_MAX_CONTEXT = 1 << 30


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


class _TokenizerConfig(msgspec.Struct):
    chat_template: Any = None


def describe_folder(folder: ModelFolder) -> Described:
    """Read what the folder's files say of themselves; the id is its name.

    Raises:
        ModelFileError: One is damaged or missing, or they hold nothing that can be used; the
            message names the file.
    """
    others = folder.others
    if CONFIG not in others:
        return _adapter(folder, read_json(others[ADAPTER_CONFIG], dict[str, Any]))
    config = read_json(others[CONFIG], dict[str, Any])
    architecture = config.get("model_type")
    if not isinstance(architecture, str) or not architecture:
        raise ModelFileError(f"{CONFIG} names no model_type, so no engine can run it.")
    return DescribedModel(model=_model(folder, config, architecture[:_MAX_TEXT]))


def _model(folder: ModelFolder, config: dict[str, Any], architecture: str) -> Model:
    others, weights = folder.others, _weights(folder)
    tensors: dict[str, StoredTensor] = {}
    for file in weights:
        tensors.update(read_tensors(Path(file.path)))
    if not tensors:
        raise ModelFileError("The safetensors files hold no weights.")
    text = config.get("text_config")
    of_text = text if isinstance(text, dict) else config  # of a model that sees or hears, too
    return Model(
        id=folder.stem,
        path=folder.path,
        format="safetensors",
        engine="",
        size_bytes=sum(file.size_bytes for file in weights),
        architecture=architecture,
        quantization=quantization_name(config, tensors.values()),
        num_parameters=num_parameters(tensors, quantization_bits(config)),
        context_length=_context_length(of_text),
        has_chat_template=_has_chat_template(others),
        modalities=_modalities(config, others),
        licence=_licence(others),
        num_kv_values=kv_values_of_config(of_text),
    )


def _weights(folder: ModelFolder) -> Sequence[FoundFile]:
    """The files that an engine reads; a folder may have the same weights in another form, too."""
    by_name = {file.name: file for file in folder.weights}
    if _INDEX in folder.others:
        wanted = set(read_json(folder.others[_INDEX], _Index).weight_map.values())
    else:
        parts = [found for name in by_name if (found := _PART.fullmatch(name))]
        count = max((int(part[1]) for part in parts), default=0)
        wanted = {f"model-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)}
    wanted = wanted or ({"model.safetensors"} & by_name.keys()) or set(by_name)
    if missing := wanted - by_name.keys():
        raise ModelFileError(
            f"{len(missing)} of the {len(wanted)} files with weights are missing, such as "
            f"{min(missing):.80}. Download them."
        )
    return [by_name[name] for name in sorted(wanted)]


def _context_length(config: Mapping[str, Any]) -> int:
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
    return min(whole_number(config, *names), _MAX_CONTEXT)


def _has_chat_template(others: Mapping[str, FoundFile]) -> bool:
    if "chat_template.jinja" in others or "chat_template.json" in others:
        return True
    tokenizer = others.get("tokenizer_config.json")
    return tokenizer is not None and (
        read_json(tokenizer, _TokenizerConfig).chat_template is not None
    )


def _modalities(config: Mapping[str, Any], others: Mapping[str, FoundFile]) -> tuple[str, ...]:
    """What goes in and comes out; the class names the task (`…ForCausalLM`, `BertModel`)."""
    stated = config.get("architectures")
    names = [name for name in stated if isinstance(name, str)] if isinstance(stated, list) else []
    if any(name.endswith("ForSequenceClassification") for name in names):
        return ("rerank",)
    # modules.json is what sentence-transformers keeps of a model
    if "modules.json" in others or any(name.endswith(("Model", "ForMaskedLM")) for name in names):
        return ("embedding",)
    senses = (("image", "vision_config"), ("audio", "audio_config"))
    return ("text", *(name for name, key in senses if isinstance(config.get(key), dict)))


def _licence(others: Mapping[str, FoundFile]) -> str:
    if "README.md" not in others:
        return ""
    stated = front_matter(others["README.md"])
    licence = stated.get("license")
    if licence == "other":
        licence = stated.get("license_name", licence)
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    return licence[:_MAX_TEXT] if isinstance(licence, str) else ""


def _adapter(folder: ModelFolder, config: Mapping[str, Any]) -> Adapter:
    """An adapter as the peft package stores it."""
    kind, base = config.get("peft_type"), config.get("base_model_name_or_path")
    if kind != "LORA":
        raise ModelFileError(f"{ADAPTER_CONFIG} is of an adapter of the kind {kind!s:.40}.")
    for file in folder.weights:
        read_tensors(Path(file.path))
    return Adapter(
        id=folder.stem,
        path=folder.path,
        format="safetensors",
        base_model=base[:_MAX_TEXT] if isinstance(base, str) else "",
        size_bytes=sum(file.size_bytes for file in folder.weights),
    )
