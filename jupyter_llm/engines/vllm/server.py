"""vLLM in another environment: its API server, started here, on a socket of this account alone.

For where its dependencies clash with those of the notebook server. It gets token ids and gives
token ids, as vLLM's client in this process does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import msgspec
import psutil

from jupyter_llm.engines.common.stopping import LoadStoppedError
from jupyter_llm.errors import EngineUnavailableError, ModelLoadError
from jupyter_llm.processes.child import child_environment
from jupyter_llm.types import LoadOptions, Model

from .environment import log_path, settings
from .plan import Begun, IsWanted, Plan, arguments_of, check_plan, planned
from .server_core import ServerCore
from .versions import check

INTERPRETER_VARIABLE = "JUPYTER_LLM_VLLM_PYTHON"
"""Names the Python of the environment that vLLM is installed in."""

_MODULE = "vllm.entrypoints.launchers.api_server.entry"
_LOOK_EVERY_S = 0.2
_START_TIMEOUT_S = 1800.0
_LOOK_TIMEOUT_S = 120.0
_END_S = 5.0

_DESCRIBE = """
import json, vllm
from vllm.platforms import current_platform as here
print(json.dumps({"version": vllm.__version__,
                  "num_gpus": 0 if here.is_cpu() else here.device_count()}))
"""

_BOUND = "jupyter_llm_bound"
_BOUND_SOURCE = """
import ctypes
ctypes.CDLL(None).prctl(1, 9)  # dies with who started it
class Bound:
    pass
"""
_RUN_BOUND = f"""
import os, sys, {_BOUND}
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class _Description(msgspec.Struct):
    version: str
    num_gpus: int


def begin(model: Model, options: LoadOptions, work: Path, is_wanted: IsWanted) -> Begun:
    """Start vLLM's server. See `Begin`."""
    python = os.environ.get(INTERPRETER_VARIABLE, "")
    # what is on this environment's path is not for the other one
    inherited = {**child_environment(os.environ), "PYTHONPATH": str(work)}
    look = settings(work, num_threads=1, on_processor=False)
    described = _described(python, {**inherited, **look})
    check(described.version)
    plan = planned(model, options, num_gpus=described.num_gpus)
    check_plan(plan)
    named = settings(work, num_threads=plan.options.num_threads, on_processor=plan.on_processor)
    path = work / "socket"
    # vLLM's own processes import it, too: they would outlive their server
    (work / f"{_BOUND}.py").write_text(_BOUND_SOURCE)
    process = _started(
        [python, "-P", "-c", _RUN_BOUND, "-P", "-m", _MODULE, *command_line(plan, path)],
        {**inherited, **named},
        log_path(work),
    )
    try:
        _wait_until_ready(process, path, is_wanted)
    except BaseException:
        end(process)
        raise
    core = ServerCore(plan, path, is_alive=lambda: process.poll() is None, end=lambda: end(process))
    return core, plan


def command_line(plan: Plan, path: Path) -> Sequence[str]:
    """The options of vLLM's server."""
    found = [
        *("--uds", str(path), "--served-model-name", "model", "--generation-config", "vllm"),
        *("--structured-outputs-config", '{"backend": "guidance"}', "--max-logprobs", "-1"),
        *("--worker-extension-cls", f"{_BOUND}.Bound"),
        *(
            "--disable-log-stats",
            "--disable-uvicorn-access-log",
            "--gpu-memory-utilization",
            "0.01",
        ),
    ]
    for name, value in arguments_of(plan).items():
        option = f"--{name.replace('_', '-')}"
        found += [option] if value is True else [option, str(value)]
    if plan.options.adapter:
        found += ["--lora-modules", f"adapter={plan.options.adapter}"]
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """End vLLM's server and all that it started."""
    try:
        others = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        others = []
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for other in psutil.wait_procs(others, timeout=1.0)[1]:
        other.kill()


def _described(python: str, environment: Mapping[str, str]) -> _Description:
    """What the other environment has; imports vLLM there, which takes seconds."""
    try:
        done = subprocess.run(
            [python, "-P", "-c", _DESCRIBE],
            env=environment,
            capture_output=True,
            timeout=_LOOK_TIMEOUT_S,
            check=True,
        )
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=_Description)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError, IndexError) as error:
        raise EngineUnavailableError(
            f"{INTERPRETER_VARIABLE} is {python!r}, and there is no vLLM to import there. Name the "
            "Python of an environment where vLLM is installed."
        ) from error


def _listens(path: Path) -> bool:
    """Whether somebody takes connections; vLLM makes the socket long before it does."""
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


def _started(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )


def _wait_until_ready(process: subprocess.Popen[bytes], path: Path, is_wanted: IsWanted) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=5.0) as http:
        while time.monotonic() < deadline:
            if not is_wanted():
                raise LoadStoppedError
            if process.poll() is not None:
                raise ModelLoadError(
                    f"vLLM's server ended with exit status {process.returncode} while it loaded "
                    "the model."
                )
            if _listens(path) and http.get("http://vllm/health").is_success:
                return
            time.sleep(_LOOK_EVERY_S)
    raise ModelLoadError(f"vLLM's server was not ready within {_START_TIMEOUT_S:.0f} s.")
