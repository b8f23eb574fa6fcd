"""What a page does with a kernel's widgets: mirrors their state, and sets it as people would."""

from __future__ import annotations

import contextlib
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

from live_kernel import LiveKernel

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_S = 60.0


class FrontEnd:
    """The widgets of a kernel by their model id; `num_updates` counts messages for each."""

    def __init__(self, kernel: LiveKernel) -> None:
        self.kernel = kernel
        self.models: dict[str, dict[str, Any]] = {}
        self.num_updates: dict[str, int] = {}

    def run(self, code: str) -> str:
        """Run a cell that must not fail; what it prints."""
        cell = self.kernel.start(code)
        while True:
            message = self.kernel.client.get_iopub_msg(timeout=TIMEOUT_S)
            self.take(message)
            if message["parent_header"].get("msg_id") == cell.msg_id:
                cell.take(message)
                if message["content"].get("execution_state") == "idle":
                    break
        assert cell.error is None, cell.error
        return cell.printed

    def take(self, message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"]["state"])
        elif message["msg_type"] == "comm_msg" and content["data"]["method"] == "update":
            self.models[content["comm_id"]].update(content["data"]["state"])
            count = self.num_updates.get(content["comm_id"], 0)
            self.num_updates[content["comm_id"]] = count + 1
        elif message["msg_type"] == "comm_close":
            self.models.pop(content["comm_id"], None)

    def find(self, kind: str, text: str = "", number: int = -1) -> str:
        """The id of the last widget of this kind whose description or label begins so."""
        found = [
            model_id
            for model_id, state in self.models.items()
            if kind in {state.get("_model_name"), state.get("_anywidget_id", "").split(".")[-1]}
            and str(state.get("description", state.get("label", ""))).startswith(text)
        ]
        if not found:
            raise LookupError(kind, text)
        return found[number]

    def state(self, kind: str, text: str = "") -> dict[str, Any]:
        return self.models[self.find(kind, text)]

    def set(self, model_id: str, **state: Any) -> None:
        """Change a widget, as a page does."""
        self._say(model_id, {"method": "update", "state": state, "buffer_paths": []})

    def send(self, model_id: str, **content: Any) -> None:
        self._say(model_id, {"method": "custom", "content": content})

    def click(self, description: str) -> None:
        self.send(self.find("ButtonModel", description), event="click")

    def choose(self, description: str, label: str) -> None:
        """Choose the option of a menu that begins with `label`."""
        model_id = self.find("DropdownModel", description)
        labels = self.models[model_id]["_options_labels"]
        (index,) = [i for i, each in enumerate(labels) if each.startswith(label)]
        self.set(model_id, index=index)

    def until(self, is_so: Callable[[], Any]) -> None:
        """Take messages until something is so; what is not there yet is not so."""

        def holds() -> bool:
            with contextlib.suppress(LookupError):
                return bool(is_so())
            return False

        deadline = time.monotonic() + TIMEOUT_S
        while not holds():
            assert time.monotonic() < deadline, self.told()
            try:
                self.take(self.kernel.client.get_iopub_msg(timeout=0.2))
            except Empty:
                continue

    def told(self) -> list[str]:
        """What a person could read, for a test that fails."""
        names = ("description", "label", "value", "_options_labels", "turns", "growing")
        said = [{n: m[n] for n in names if m.get(n)} for m in self.models.values()]
        return [str(each)[:300] for each in said if each]

    def rest(self, seconds: float) -> None:
        """Take messages for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.take(self.kernel.client.get_iopub_msg(timeout=0.1))
            except Empty:
                continue

    def _say(self, comm_id: str, data: dict[str, Any]) -> None:
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self.kernel.client.shell_channel.send(message)
