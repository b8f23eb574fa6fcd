"""The script of a job: what is special to a service, and the part that is the same for all."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.services.words import literal, quoted

if TYPE_CHECKING:
    from jupyter_llm.services.plan import Plan

KEY_FILE = "key"
_SUPERVISOR = Path(__file__).parent / "supervise.sh"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a job runs: its `folder` and the `python` there, both absolute.

    `host` is what its servers listen on unless the request says otherwise. They are reached
    under the node's name, or, with `is_local`, from the same machine alone. `gpus` are those
    that the launcher has chosen, as in `CUDA_VISIBLE_DEVICES`, empty where the cluster does.
    """

    folder: str
    python: str
    host: str
    is_local: bool
    gpus: str = ""


def render(plan: Plan, place: Place) -> str:
    """The batch script; whatever comes from a request stands in it quoted."""
    recipe = plan.recipe
    reached_at = "127.0.0.1" if place.is_local else '"$(hostname)"'
    lines = [
        "#!/bin/bash",
        f"# {recipe.name}, written by jupyter-llm",
        f"FOLDER={shlex.quote(place.folder)}",
        f"PYTHON={shlex.quote(place.python)}",
        f"HOST={shlex.quote(plan.host or place.host)}",
        f"REACHED_AT={reached_at}",
        f"OWN_GROUP={'yes' if place.is_local else ''}",
        f"BASE_PORT={plan.port}",
        f"NUM_REPLICAS={plan.num_replicas}",
        f"GPUS_PER_REPLICA={plan.gpus_per_replica}",
        f"TIME_LIMIT_S={plan.time_limit_s or 0}",
        *_devices(plan, place),
        "prepare() {",
        *(f"  {line}" for line in _preparation(plan)),
        "}",
        "serve() {",
        *(f"  {line}" for line in _service(plan)),
        "}",
        "",
    ]
    return "\n".join(lines) + _supervisor()


def _devices(plan: Plan, place: Place) -> list[str]:
    """What is said of devices, before they are divided among the replicas."""
    word = dict(plan.environment).get("CUDA_VISIBLE_DEVICES") or literal(place.gpus)
    return [f"export CUDA_VISIBLE_DEVICES={quoted(word)}"] if word else []


def _preparation(plan: Plan) -> list[str]:
    if not plan.recipe.modules:
        return [":"]
    names = " ".join(map(shlex.quote, plan.recipe.modules))
    # a batch job's shell is no login shell, which is where the command is often defined
    return ["type module >/dev/null 2>&1 || . /etc/profile", f"module load {names}"]


def _service(plan: Plan) -> list[str]:
    exports = [
        f"export {name}={quoted(word)}"
        for name, word in plan.environment
        if name != "CUDA_VISIBLE_DEVICES"
    ]
    if plan.recipe.key_variable:
        exports.append(f'export {plan.recipe.key_variable}="$(cat "$FOLDER"/{KEY_FILE})"')
    return [*exports, "exec " + " ".join(map(quoted, plan.command))]


@cache
def _supervisor() -> str:
    return _SUPERVISOR.read_text(encoding="utf-8")
