"""Models and where they stand, as the server tells them."""

from __future__ import annotations

from typing import Any

from jupyter_llm.types import Device, Download, ListedModel, ModelStatus


def status_from_json(item: dict[str, Any]) -> ModelStatus:
    """One model as `GET /models` describes it; fields of a newer server are passed over."""
    import msgspec

    return msgspec.convert(item, ModelStatus)


def listed_from_json(item: dict[str, Any]) -> ListedModel:
    """The same, and what an older server does not tell is left unknown."""
    import msgspec

    return msgspec.convert({**item, "status": item}, ListedModel)


def download_from_json(item: dict[str, Any]) -> Download:
    """One download as the server describes it."""
    import msgspec

    return msgspec.convert(item, Download)


def device_from_json(item: dict[str, Any]) -> Device:
    """One device as `GET /vram` describes it."""
    import msgspec

    return msgspec.convert(item, Device)
