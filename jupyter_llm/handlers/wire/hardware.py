"""Engines and devices as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.engines.select import EngineInfo
    from jupyter_llm.hardware.survey import Survey
    from jupyter_llm.types import Device, ModelStatus


def backends_body(engines: Sequence[EngineInfo], loaded: Sequence[ModelStatus]) -> dict[str, Any]:
    """The body of `GET /backends`."""
    return {"object": "list", "data": [engine_body(engine, loaded) for engine in engines]}


def engine_body(engine: EngineInfo, loaded: Sequence[ModelStatus]) -> dict[str, Any]:
    """An engine field by field, and the models that it holds."""
    models = [
        {"id": status.model.id, "state": status.state.value, "error": status.error}
        for status in loaded
        if status.model.engine == engine.name
    ]
    return {**msgspec.to_builtins(engine), "models": models}


def vram_body(survey: Survey, loaded: Sequence[ModelStatus]) -> dict[str, Any]:
    """The body of `GET /vram`: whose each device's memory is, and what each model takes."""
    models = [
        {
            "id": status.model.id,
            "engine": status.model.engine,
            "total_bytes": status.memory.total_bytes,
            **msgspec.to_builtins(status.memory),
        }
        for status in loaded
    ]
    return {
        "object": "list",
        "data": [device_body(device) for device in survey.devices],
        "models": models,
        "servers": [msgspec.to_builtins(holder) for holder in survey.holders],
        "hints": _reasons(survey),
    }


def devices_body(survey: Survey) -> dict[str, Any]:
    """What `GET /api/health` says of the devices."""
    return {
        "devices": [device_body(device) for device in survey.devices],
        "device_hints": _reasons(survey),
    }


def device_body(device: Device) -> dict[str, Any]:
    """A device field by field, and what the rest of the machine has of its memory."""
    return {
        **msgspec.to_builtins(device),
        "free_bytes": max(device.total_bytes - device.used_bytes, 0),
        "others_bytes": max(device.used_bytes - device.own_bytes - device.other_servers_bytes, 0),
    }


def _reasons(survey: Survey) -> list[str]:
    return [reason for reason in (survey.gpu_reason, survey.ledger_reason) if reason]
