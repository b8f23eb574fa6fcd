"""Services on real launchers, with servers that start at once."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jupyter_llm.services.cookbook import Cookbook
from jupyter_llm.services.folder import Folders
from jupyter_llm.services.local import LocalLauncher
from jupyter_llm.services.services import Services
from jupyter_llm.services.shell import LocalShell
from jupyter_llm.services.site import Site
from jupyter_llm.services.slurm import SlurmLauncher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jupyter_llm.types import Service

WAIT_S = 60.0

# a server that is ready as soon as it listens, and lets only its own key in
SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization") == "Bearer " + os.environ["KEY"]
        body = (os.environ["MODEL"] + " " + os.environ.get("CUDA_VISIBLE_DEVICES", "")).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("serving", os.environ["MODEL"], flush=True)
HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""

_SERVE = ["${PYTHON}", "-c", SERVER, "${HOST}", "${PORT}"]
_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"

RECIPES: dict[str, dict[str, Any]] = {
    "server": {"command": _SERVE},
    "group": {"command": _SERVE, "replicas": 4},
    "ends": {"command": ["sh", "-c", "echo bye; exit 0"]},
    "fails": {"command": ["sh", "-c", "echo no good; exit 3"]},
    "nothing": {"command": ["there-is-no-such-program"]},
    "silent": {"command": ["sleep", "600"]},
    "stubborn": {"command": ["${PYTHON}", "-c", _DEAF]},
    "module": {"command": ["sleep", "600"], "modules": ["there-is-no-such-module"]},
    "gpus": {"command": _SERVE, "resources": {"gpu": 4}, "gpu_per_replica": 2},
    "nodes": {"command": _SERVE, "max_nodes": 3},
}
_COMMON = {
    "kind": "inference",
    "environment": {"MODEL": "m", "CUDA_VISIBLE_DEVICES": None},
    "port": 18000,
    "key_variable": "KEY",
    "health": "/health",
}


def cookbook(folder: Path) -> Cookbook:
    """The recipes above as those of an operator."""
    (folder / "test").mkdir(parents=True, exist_ok=True)
    for name, fields in RECIPES.items():
        text = yaml.safe_dump({**_COMMON, **fields})
        (folder / "test" / f"{name}.yaml").write_text(text)
    return Cookbook([folder])


class Rows:
    """A registry in memory, which outlives a `Services`."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    async def all(self) -> list[dict[str, Any]]:
        return list(self.rows.values())

    async def recent(self, since: float) -> list[dict[str, Any]]:
        def is_recent(row: dict[str, Any]) -> bool:
            return row["ended_at"] is None or max(row["ended_at"], row["created_at"]) > since

        return [row for row in self.rows.values() if is_recent(row)]

    async def add(self, row: Mapping[str, Any]) -> bool:
        if row["key"] in self.rows:
            return False
        await self.save(row)
        return True

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.rows.pop(key, None)

    async def save(self, row: Mapping[str, Any]) -> None:
        self.rows[row["key"]] = dict(row)


def local_site(folder: Path, num_gpus: int = 0) -> Site:
    shell = LocalShell({"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(num_gpus)))})
    return Site(
        shell=shell,
        launcher=LocalLauncher(shell),
        folders=Folders(shell, str(folder / "jobs")),
        python=sys.executable,
    )


async def until(services: Services, service_id: str, holds: Callable[[Service], bool]) -> Service:
    """The service as soon as this holds of it."""
    deadline = time.monotonic() + WAIT_S
    while not holds(service := await services.get(service_id, None)):
        if time.monotonic() > deadline or service.state.is_final:
            log, _ = await services.log(service_id, None)
            raise AssertionError(f"{service}\n{log}")
        await asyncio.sleep(0.05)
    return service


def slurm_site(folder: Path, env: Mapping[str, str]) -> Site:
    shell = LocalShell(env)
    return Site(
        shell=shell,
        launcher=SlurmLauncher(shell),
        folders=Folders(shell, str(folder / "jobs")),
        python=sys.executable,
    )
