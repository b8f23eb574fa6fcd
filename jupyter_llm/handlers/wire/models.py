"""Models as OpenAI's clients list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import ModelStatus

OWNER = "jupyter-llm"


def model_body(status: ModelStatus, created: int) -> dict[str, Any]:
    """OpenAI's `Model`, and beside its fields where the model stands.

    `created` is in seconds since the epoch. Imports `openai`: see `load_response_types`.
    """
    from openai.types import Model

    extras: dict[str, Any] = {
        "state": status.state.value,
        "context_length": status.stats.context_length or status.model.context_length,
    }
    model = Model(id=status.model.id, created=created, object="model", owned_by=OWNER, **extras)
    return model.model_dump(exclude_unset=True)


def model_list_body(statuses: Sequence[ModelStatus], created: int) -> dict[str, Any]:
    """The body of `GET /v1/models`."""
    return {"object": "list", "data": [model_body(status, created) for status in statuses]}
