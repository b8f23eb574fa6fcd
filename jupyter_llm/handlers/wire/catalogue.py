"""The models of this server: each in full, and as the single-model servers list them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

import msgspec

from jupyter_llm.types import ListedModel, MemoryUse, ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.manager.listing import Inventory
    from jupyter_llm.types import Model


def status_body(status: ModelStatus) -> dict[str, Any]:
    """`ModelStatus` field by field."""
    return cast("dict[str, Any]", msgspec.to_builtins(status))


def catalogue_body(inventory: Inventory, models_dirs: Sequence[str]) -> bytes:
    """The body of `GET /models`: `data` in full; `active` and `available` in brief.

    As JSON at once: with hundreds of models it takes milliseconds, which a thread has.
    """
    statuses = [listed.status for listed in inventory.models]
    active = _active(statuses, inventory.active)
    body = {
        "object": "list",
        "data": [listed_body(listed) for listed in inventory.models],
        "active": _active_body(active) if active else None,
        "available": [_available_body(listed) for listed in inventory.models],
        "adapters": inventory.adapters,
        "unusable": [entry._asdict() for entry in inventory.unusable],
        "models_dirs": list(models_dirs),
        "hint": 'Load one with POST /load {"model": "ID"}; a request loads the one that it names.',
    }
    return msgspec.json.encode(body)


def llms_body(inventory: Inventory) -> bytes:
    """The body of `GET /api/llms`: the models that can be used, in the words of that API."""
    models = [
        {
            "id": listed.status.model.id,
            "name": _file_name(listed.status.model),
            "loaded": listed.status.state is ModelState.READY,
            "architecture": listed.status.model.architecture,
            "quantization": listed.status.model.quantization,
            "size_bytes": listed.status.model.size_bytes,
            "context_length": listed.status.model.context_length,
            "memory_bytes": listed.estimate.total_bytes,
            "fit": listed.fit,
        }
        for listed in inventory.models
        if not listed.unavailable
    ]
    return msgspec.json.encode({"models": models})


def listed_body(listed: ListedModel) -> dict[str, Any]:
    """`ModelStatus` field by field, and beside it what the model takes and if that fits."""
    return {
        **{field.name: getattr(listed.status, field.name) for field in fields(ModelStatus)},
        "estimate": _memory_body(listed.estimate),
        "fit": listed.fit,
        "unavailable": listed.unavailable,
    }


def _active(statuses: Sequence[ModelStatus], default: Model | None) -> ModelStatus | None:
    """The model that answers where none is named, or else one that is in memory."""
    ready = [status for status in statuses if status.state is ModelState.READY]
    of_default = [status for status in statuses if default and status.model.id == default.id]
    return next(iter([*of_default, *ready]), None)


def _active_body(status: ModelStatus) -> dict[str, Any]:
    name = _file_name(status.model)
    is_ready = status.state is ModelState.READY
    return {
        "id": status.model.id,
        "path": status.model.path,
        "basename": name,
        "exists": True,
        "loaded": is_ready,
        "state": "ready" if is_ready else "available",
        "config": {
            "model_path": name,
            "n_ctx": status.stats.context_length or status.model.context_length,
        },
    }


def _available_body(listed: ListedModel) -> dict[str, Any]:
    model = listed.status.model
    return {
        "id": model.id,
        "name": _file_name(model),
        "path": model.path,
        "size_bytes": model.size_bytes,
        "fit": listed.fit,
    }


def _memory_body(memory: MemoryUse) -> dict[str, int]:
    parts = {field.name: getattr(memory, field.name) for field in fields(memory)}
    return {"total_bytes": memory.total_bytes, **parts}


def _file_name(model: Model) -> str:
    return PurePath(model.path).name or model.id
