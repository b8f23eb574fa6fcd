"""Health in the words of the API: `unloaded`, `available`, `ready`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from jupyter_llm.types import Model, ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

Health = Literal["unloaded", "available", "ready"]


def health_of(default: Model | None, loaded: Sequence[ModelStatus]) -> Health:
    """`ready`: a model serves; `available`: the first request loads one; else `unloaded`."""
    if any(status.state is ModelState.READY for status in loaded):
        return "ready"
    return "available" if default else "unloaded"


def health_body(
    default: Model | None, loaded: Sequence[ModelStatus], hint: str = ""
) -> dict[str, Any]:
    """The body of `GET /health`; `hint` is on the default model that is yet to come."""
    status = health_of(default, loaded)
    return {
        "status": status,
        "default_model": default.id if default else None,
        "models": [_model(one) for one in loaded],
        "hints": [*([hint] if hint else []), *_hints(status, default), *_failures(loaded)],
    }


def _model(status: ModelStatus) -> dict[str, Any]:
    body = {"id": status.model.id, "state": status.state, "progress": status.progress}
    return {**body, "error": status.error} if status.error else body


def _hints(status: Health, default: Model | None) -> list[str]:
    if status == "unloaded":
        hint = (
            "There is no default model. Put a GGUF file into a folder of "
            "LLMExtension.models_dir, see GET /models, and load it with POST /load."
        )
    elif status == "available" and default:
        hint = (
            f"'{default.id}' is loaded by the first request, "
            f'or now by POST /load {{"model": "{default.id}"}}.'
        )
    else:
        return []
    return [hint]


def _failures(loaded: Sequence[ModelStatus]) -> list[str]:
    return [f"'{one.model.id}' failed: {one.error}" for one in loaded if one.error]
