"""How much longer a notebook server takes to start with this extension.

Each start is a fresh process that ends when its extensions have started; starts with
and without take turns, so that a busy moment of the machine meets both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

NUM_STARTS = 10

_START = """
import sys
from jupyter_server.serverapp import ServerApp

class Server(ServerApp):
    async def _post_start(self):
        await super()._post_start()
        print("started", flush=True)
        self.stop()

server = Server.instance(
    jpserver_extensions={"jupyter_llm": True} if sys.argv[1] == "with" else {},
    allow_root=True, open_browser=False, port=0, log_level="ERROR",
)
server.initialize(argv=[], find_extensions=False)
server.start()
"""


def start_s(how: str, folder: str) -> float:
    """Seconds from the start of the process until its extensions have started."""
    env = {**os.environ, "JUPYTER_CONFIG_DIR": folder, "JUPYTER_DATA_DIR": folder}
    env["JUPYTER_RUNTIME_DIR"] = folder
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _START, how],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if process.stdout is None or process.stdout.readline() != b"started\n":
            raise RuntimeError(f"The server {how} the extension did not start.")
        return time.perf_counter() - began


def measure(_model: Path, *, num_rounds: int) -> str:
    """Start servers in turns, at least ten of each; returns a table in Markdown."""
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    with TemporaryDirectory() as folder:
        for how in seconds:
            start_s(how, folder)  # the first start compiles modules and fills the disk cache
        for _ in range(max(num_rounds, NUM_STARTS)):
            for how, values in seconds.items():
                values.append(start_s(how, folder))
    without, with_it = (1000 * median(values) for values in seconds.values())
    return (
        "| start without the extension ms | with it ms | difference ms |\n|---:|---:|---:|\n"
        f"| {without:.0f} | {with_it:.0f} | {with_it - without:.0f} |"
    )
