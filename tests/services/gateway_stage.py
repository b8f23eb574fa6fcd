"""A cluster of which SSH alone is reached, a notebook server in front of it, and curl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from elsewhere import Elsewhere
from live import LiveServer
from mini_slurm import MiniSlurm, require_slurm
from sshd import Sshd, require_sshd

WAIT_S = 180.0
COMMON = ("--LLMExtension.services_poll_s=0.5", "--LLMExtension.num_threads=1")
SMALL = {"cpu": "1", "memory": "4G", "time_limit": 30}


def make_program(home: Path, name: str, text: str) -> None:
    """A program that the services of this home find."""
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
    (home / "bin" / name).chmod(0o755)


@contextmanager
def login_node(home: Path) -> Iterator[Sshd]:
    """A SLURM cluster and its login node, in a network of their own."""
    require_slurm()
    require_sshd()
    with ExitStack() as stack:
        network = stack.enter_context(Elsewhere())
        slurm = stack.enter_context(MiniSlurm(home / "slurm", prefix=network.prefix))
        inherited = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        env = {
            **slurm.env,
            **inherited,
            "HOME": str(home),
            "PATH": f"{home}/bin:{os.environ['PATH']}:/usr/sbin",
            "OMP_NUM_THREADS": "1",
        }
        folder = home / "sshd"
        folder.mkdir()
        login = Sshd(folder, address=network.address, env=env, prefix=network.prefix)
        yield stack.enter_context(login)


def through_ssh(cluster: Sshd, *options: str, env: Mapping[str, str]) -> LiveServer:
    """A notebook server outside of the cluster."""
    return LiveServer(
        "--LLMExtension.ssh_host=login",
        f"--LLMExtension.ssh_config_file={cluster.config}",
        f"--LLMExtension.services_dir={cluster.folder.parent}/services",
        f"--LLMExtension.services_python={sys.executable}",
        *COMMON,
        *options,
        env=env,
    )


def by_itself(home: Path, *options: str, env: Mapping[str, str]) -> LiveServer:
    """A notebook server that runs services itself, with what it takes for four GPUs."""
    own = {"PATH": f"{home}/bin:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0,1,2,3"}
    launcher = "--LLMExtension.services_launcher=local"
    return LiveServer(launcher, *COMMON, *options, env={**env, **own})


def curl(server: LiveServer, path: str, body: Any = None, *options: str) -> Any:
    """What curl prints of a call as the documents have it, but for the address and the token."""
    sent = ["-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(
        [
            *("curl", "-sS", "--fail-with-body", "-H", f"Authorization: Bearer {server.token}"),
            *(sent if body is not None else []),
            *options,
            f"{server.url}/api/v1/{path}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}\n{server.log}"
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout


def until(
    server: LiveServer, path: str, holds: Callable[[Any], bool], *, wait_s: float = WAIT_S
) -> Any:
    """The answer as soon as this holds of it."""
    deadline = time.monotonic() + wait_s
    while not holds(answer := curl(server, path)):
        assert time.monotonic() < deadline, f"{answer}\n{server.log}"
        time.sleep(0.2)
    return answer


def started(server: LiveServer, recipe: str, *, wait_s: float = WAIT_S, **config: Any) -> Any:
    """A service of this recipe that runs and is a model."""
    config = {"resources": SMALL, **config}
    made = curl(server, "services", {"recipe_name": recipe, "config": config})
    assert {"id", "status", "recipe_name"} <= made.keys()
    assert made["status"] in {"pending", "configuring"}
    path = f"services/{made['id']}"
    now = until(server, path, lambda one: one["status"] not in _ON_THE_WAY, wait_s=wait_s)
    assert now["status"] == "running", (now["reason"], curl(server, f"{path}/logs")["logs"])
    listed = until(
        server,
        "vllm/services",
        lambda all_: any(one["id"] == made["id"] and one["model_id"] for one in all_["services"]),
    )
    return next(one for one in listed["services"] if one["id"] == made["id"])


_ON_THE_WAY = {"pending", "configuring"}


def cancelled(server: LiveServer, kind: str, service_id: str) -> Any:
    """What is answered to a cancellation of something of this kind, which has ended then."""
    answer = curl(server, f"{kind}/{service_id}/status", {"status": "cancelled"})
    until(server, f"services/{service_id}", lambda one: one["status"] == "cancelled")
    return answer


def cancel_all(server: LiveServer) -> None:
    """Leave nothing running."""
    for service in curl(server, "services")["services"]:
        curl(server, f"services/{service['id']}/status", {"status": "cancelled"})
    for service in curl(server, "services")["services"]:
        until(server, f"services/{service['id']}", lambda each: each["ended_at"] is not None)


def models_of(server: LiveServer) -> set[str]:
    """The ids of the models that the server lists."""
    return {one["id"] for one in server.json("v1/models")["data"]}
