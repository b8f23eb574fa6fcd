"""A real kernel, started by a live server as a notebook's kernel is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from queue import Empty
from typing import TYPE_CHECKING, Any, Self

import httpx
import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import AsyncKernelManager

if TYPE_CHECKING:
    from pathlib import Path

    from live import LiveServer
    from nbformat import NotebookNode

TIMEOUT_S = 60.0


@dataclass
class Cell:
    """A cell that runs or has run, and its outputs as a notebook would keep them."""

    msg_id: str
    outputs: list[NotebookNode] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)
    _displays: dict[str, NotebookNode] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> None:
        """Add or replace the output that a message brings."""
        content = message["content"]
        display_id = content.get("transient", {}).get("display_id")
        if message["msg_type"] == "update_display_data":
            shown = self._displays[display_id]
            shown.data, shown.metadata = content["data"], content["metadata"]
        elif message["msg_type"] in {"stream", "display_data", "execute_result", "error"}:
            output = nbformat.v4.output_from_msg(message)
            self.outputs.append(output)
            if display_id:
                self._displays[display_id] = output

    @property
    def displays(self) -> list[NotebookNode]:
        return [output for output in self.outputs if output.output_type == "display_data"]

    @property
    def markdown(self) -> str:
        """The last display."""
        return str(self.displays[-1].data["text/markdown"]) if self.displays else ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the last display tells programs."""
        facts: dict[str, Any] = self.displays[-1].metadata["jupyter_llm"]
        return facts

    @property
    def error(self) -> NotebookNode | None:
        return next((o for o in self.outputs if o.output_type == "error"), None)

    @property
    def printed(self) -> str:
        return "".join(o.text for o in self.outputs if o.output_type == "stream")


class LiveKernel:
    """Runs cells in a kernel that `server` starts and, at the end, shuts down."""

    def __init__(self, server: LiveServer) -> None:
        self._rest = httpx.Client(
            base_url=server.server_url,
            headers={"Authorization": f"Bearer {server.token}"} if server.token else {},
            timeout=TIMEOUT_S,
            follow_redirects=True,
        )
        if not server.token:  # a page in a browser is given this cookie and sends it back
            self._rest.get("login")
            self._rest.headers["X-XSRFToken"] = self._rest.cookies["_xsrf"]
        self._runtime_dir = server.home / "runtime"

    def __enter__(self) -> Self:
        self.id = (
            self._rest.post("api/kernels", json={"name": "python3"}).raise_for_status().json()["id"]
        )
        self.client = BlockingKernelClient(connection_file=str(self.connection_file))
        self.client.load_connection_file()
        self.client.start_channels(hb=False)  # on a busy machine one second of silence is no death
        self.client.wait_for_ready(timeout=TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self._rest.delete(f"api/kernels/{self.id}").raise_for_status()
        self._rest.close()

    @property
    def connection_file(self) -> Path:
        return self._runtime_dir / f"kernel-{self.id}.json"

    def start(self, code: str, cell_id: str = "", *, allow_stdin: bool = False) -> Cell:
        """Send a cell as JupyterLab does, with its id in the metadata."""
        session = self.client.session
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": allow_stdin}
        metadata = {"cellId": cell_id} if cell_id else {}
        message = session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return Cell(msg_id=message["header"]["msg_id"])

    def step(self, cell: Cell) -> bool:
        """Take the next message of `cell`; false once it is done."""
        try:
            message = self.client.get_iopub_msg(timeout=TIMEOUT_S)
        except Empty:
            raise AssertionError(f"The kernel was silent for {TIMEOUT_S} s: {cell}") from None
        if message["parent_header"].get("msg_id") != cell.msg_id:
            return True
        cell.take(message)
        return message["content"].get("execution_state") != "idle"

    def finish(self, cell: Cell) -> Cell:
        """Wait until `cell` is done."""
        while self.step(cell):
            pass
        while not cell.reply:
            message = self.client.get_shell_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") == cell.msg_id:
                cell.reply = message["content"]
        return cell

    def converse(self, code: str, *answers: str) -> tuple[Cell, list[str]]:
        """Run a cell that asks a person, and answer; returns also what was asked."""
        cell = self.start(code, allow_stdin=True)
        asked = []
        for answer in answers:
            asked.append(self.client.get_stdin_msg(timeout=TIMEOUT_S)["content"]["prompt"])
            self.client.input(answer)
        return self.finish(cell), asked

    def run(self, code: str, cell_id: str = "") -> Cell:
        """Run a cell to its end, whatever that is."""
        return self.finish(self.start(code, cell_id))

    def ok(self, code: str, cell_id: str = "") -> Cell:
        """Run a cell that must not fail."""
        cell = self.run(code, cell_id)
        assert cell.reply["status"] == "ok", cell
        return cell

    def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """What the kernel offers to write at a place of a cell."""
        return self._asked(self.client.complete(code, cursor))

    def inspect(self, code: str, cursor: int) -> dict[str, Any]:
        """What the kernel tells of a name, as Shift+Tab shows it."""
        return self._asked(self.client.inspect(code, cursor))

    def _asked(self, msg_id: str) -> dict[str, Any]:
        while True:
            message = self.client.get_shell_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") == msg_id:
                content: dict[str, Any] = message["content"]
                return content

    def interrupt(self) -> None:
        """Interrupt the kernel as the stop button does."""
        self._rest.post(f"api/kernels/{self.id}/interrupt").raise_for_status()

    def manager(self) -> AttachedKernelManager:
        """A kernel manager, for nbclient, of this kernel."""
        return AttachedKernelManager(str(self.connection_file))


class AttachedKernelManager(AsyncKernelManager):
    """Leads to a kernel that somebody else started and will end."""

    def __init__(self, connection_file: str) -> None:
        super().__init__(connection_file=connection_file, owns_kernel=False)
        self.load_connection_file()

    @property
    def has_kernel(self) -> bool:
        return True


def eventually(condition: Any, timeout_s: float = 10.0) -> bool:
    """Whether `condition()` becomes true in time."""
    deadline = time.monotonic() + timeout_s
    while not (holds := bool(condition())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds
