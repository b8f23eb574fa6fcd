"""State changes of models, as events of Jupyter Server's own event system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_llm.types import ModelState, ModelStatus

if TYPE_CHECKING:
    from jupyter_events import EventLogger

MODEL_STATE = "https://events.jupyter.org/jupyter_llm/model_state/v1"

_SCHEMA = Path(__file__).parent / "schemas" / "model_state.yaml"


class StateEvents:
    """Emits one event for each change of a model's state; progress within one is none."""

    def __init__(self, logger: EventLogger) -> None:
        logger.register_event_schema(_SCHEMA)
        self._logger = logger
        self._states: dict[str, ModelState] = {}

    def note(self, status: ModelStatus) -> None:
        """Emit, if this is a change."""
        name, state = status.model.id, status.state
        if self._states.get(name) is state:
            return
        if state is ModelState.UNLOADED:
            self._states.pop(name, None)
        else:
            self._states[name] = state
        self._logger.emit(schema_id=MODEL_STATE, data=_data(status))


def _data(status: ModelStatus) -> dict[str, Any]:
    data: dict[str, Any] = {
        "model": status.model.id,
        "engine": status.model.engine,
        "state": status.state.value,
    }
    if status.state is ModelState.READY:
        data["memory_bytes"] = status.memory.total_bytes
    if status.error:
        data["error"] = status.error
    return data
