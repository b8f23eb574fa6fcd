"""What a load comes to, before anything is in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_llm.engines.common.folder import Folder, read_folder
from jupyter_llm.engines.common.folder_memory import planned_memory, stated_type
from jupyter_llm.engines.common.room import check_system_room
from jupyter_llm.errors import ModelFileError
from jupyter_llm.hardware.cores import num_usable_cores
from jupyter_llm.types import LoadOptions, MemoryUse, Model

from .options import ResolvedOptions, resolve_options
from .steps import Core

_BLOCK = 128
"""Cells that vLLM hands out together: the most of all its devices."""

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Of adapters, those that vLLM can be told to have room for."""

_PROCESS_BYTES = 768 << 20
"""What its process takes beside the model: Python and its libraries, or a GPU's context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A model's folder, the options to load it with, and the memory that this takes."""

    folder: Folder
    options: ResolvedOptions
    memory: MemoryUse
    on_processor: bool
    is_embedding: bool


IsWanted = Callable[[], bool]
Begun = tuple[Core, Plan]

Begin = Callable[[Model, LoadOptions, Path, IsWanted], Begun]
"""Starts vLLM and waits until the model is in memory, seconds or minutes.

It has a folder for its log, and stops where the load is not wanted any more. Called on a
thread that lives as long as vLLM's processes do.

Raises:
    EngineUnavailableError: vLLM is of a version that this was not tried with.
    LoadStoppedError: The load is not wanted any more.
    ModelFileError: vLLM does not understand the folder.
    ModelLoadError: There is no room, or vLLM failed; its log says why.
"""


def planned(model: Model, options: LoadOptions, *, num_gpus: int = 0) -> Plan:
    """Decide everything, without a look at vLLM; the memory is the same on all GPUs together.

    Raises:
        ModelFileError: A file of the folder is damaged or missing.
        InvalidRequestError: An option cannot be honoured; `param` names it.
    """
    folder = read_folder(Path(model.path))
    heads = folder.config.get("num_attention_heads")
    resolved = resolve_options(
        options,
        model.context_length,
        num_heads=heads if isinstance(heads, int) else 0,
        num_gpus=num_gpus,
        num_cores=num_usable_cores(),
    )
    memory = planned_memory(
        model,
        folder.config,
        slots=resolved.slots,
        num_kv_cells=_whole_blocks(resolved.num_kv_cells),
        batch_size=resolved.batch_size,
        adapters_bytes=_adapter_bytes(resolved.adapter),
    )
    return Plan(
        folder=folder,
        options=resolved,
        memory=replace(memory, overhead_bytes=_PROCESS_BYTES),
        on_processor=num_gpus == 0,
        is_embedding="embedding" in model.modalities,
    )


def check_plan(plan: Plan) -> None:
    """See that there can be so much memory at all.

    Raises:
        ModelLoadError: There cannot.
    """
    if plan.on_processor:
        check_system_room(plan.memory.total_bytes)


def arguments_of(plan: Plan) -> Mapping[str, Any]:
    """What vLLM is started with."""
    options, kv_bytes = plan.options, plan.memory.kv_cache_bytes
    parts = options.num_tensor_parts * options.num_pipeline_parts
    found: dict[str, Any] = {
        "model": str(plan.folder.path),
        "dtype": stated_type(plan.folder.config) or "auto",
        "max_model_len": options.context_length,
        "max_num_seqs": options.slots,
        "max_num_batched_tokens": options.batch_size,
        "tensor_parallel_size": options.num_tensor_parts,
        "pipeline_parallel_size": options.num_pipeline_parts,
    }
    if kv_bytes:
        found["kv_cache_memory_bytes"] = kv_bytes // parts
    if plan.on_processor:
        found |= {"enforce_eager": True, "distributed_executor_backend": "uni"}
    if options.adapter:
        found |= {"enable_lora": True, "max_lora_rank": _rank(options.adapter)}
    if plan.is_embedding:
        longest = max(options.context_length, options.batch_size)
        found |= {"runner": "pooling", "convert": "embed", "max_num_batched_tokens": longest}
    return found


def _whole_blocks(num_cells: int) -> int:
    """As many cells in whole blocks, and the block that vLLM keeps for itself."""
    return (-(-num_cells // _BLOCK) + 1) * _BLOCK


def _rank(adapter: str) -> int:
    """The least rank that vLLM has room for and this adapter fits in."""
    try:
        rank = json.loads((Path(adapter) / "adapter_config.json").read_bytes())["r"]
        return next(known for known in _RANKS if known >= rank)
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise ModelFileError(
            f"{adapter} is no LoRA adapter that vLLM reads: {error!r:.200}.", param="adapters"
        ) from error


def _adapter_bytes(path: str) -> int:
    files = Path(path).glob("adapter*.safetensors") if path else ()
    return sum(file.stat().st_size for file in files)
