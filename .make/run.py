"""Start JupyterLab with the default model loaded, and say how to reach it.

Arguments go to JupyterLab: `make run ARGS="--no-browser --port=9999"`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from jupyter_core.paths import jupyter_runtime_dir

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = "notebooks/01_quickstart.ipynb"
QUESTION = "What can you do?"
READY_TIMEOUT_S = 120.0


def main() -> int:
    """Run JupyterLab until it ends; returns its exit status."""
    # Jupyter asks whether root is meant; in a container nobody else is there to be meant
    root = ["--allow-root"] if os.geteuid() == 0 else []
    options = [*root, "--LLMExtension.preload=True", *sys.argv[1:]]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with subprocess.Popen(command, cwd=ROOT) as lab:
        signal.signal(signal.SIGTERM, lambda *_: lab.terminate())
        try:
            if ready := wait_until_ready(lab):
                print(welcome(*ready), flush=True)
        except KeyboardInterrupt:
            pass  # JupyterLab hears the same Ctrl-C, and asks whether to stop
        return wait_for_end(lab)


def wait_until_ready(lab: subprocess.Popen[bytes]) -> tuple[dict[str, Any], str] | None:
    """What the server says of itself, and its model; `None` if that cannot be had."""
    info = Path(jupyter_runtime_dir(), f"jpserver-{lab.pid}.json")
    deadline = time.monotonic() + READY_TIMEOUT_S
    health: dict[str, Any] = {}
    while lab.poll() is None and time.monotonic() < deadline:
        if server := read_server(info):
            health = ask_health(server)
            if health.get("status") == "ready":
                return server, health["default_model"]
        time.sleep(0.2)
    if lab.poll() is None:
        print("\nJupyterLab runs, but no model is ready:", *health.get("hints", []), sep="\n  ")
    return None


def read_server(info: Path) -> dict[str, Any]:
    """The server's own description of itself; empty until it has written all of it."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        server: dict[str, Any] = json.loads(info.read_text())
        return server
    return {}


def ask_health(server: dict[str, Any]) -> dict[str, Any]:
    """The body of `GET llm/health`; empty while the server does not answer."""
    headers = {"Authorization": f"Bearer {server['token']}"} if server["token"] else {}
    try:
        answer = httpx.get(f"{server['url']}llm/health", headers=headers)
    except httpx.TransportError:
        return {}
    body: dict[str, Any] = answer.json() if answer.is_success else {}
    return body


def welcome(server: dict[str, Any], model: str) -> str:
    """Where the server is, and the first thing to do in a notebook and in a terminal."""
    url, token = server["url"], server["token"]
    query = f"?token={token}" if token else ""
    header = f' \\\n      -H "Authorization: Bearer {token}"' if token else ""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    return f"""
JupyterLab runs, and the model "{model}" is loaded.

  Open it in a browser:

    {url}lab/tree/{QUICKSTART}{query}

  Ask in a notebook, in two cells:

    %load_ext jupyter_llm

    %%llm
    {QUESTION}

  Ask from a terminal (and any OpenAI client can use {url}llm/v1):

    curl -N {url}llm/v1/chat/completions \\
      -H "Content-Type: application/json"{header} \\
      -d '{json.dumps(body)}'

  Stop with Ctrl-C.
"""


def wait_for_end(lab: subprocess.Popen[bytes]) -> int:
    """Wait for JupyterLab; a Ctrl-C is JupyterLab's to answer."""
    while True:
        try:
            return lab.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main())
