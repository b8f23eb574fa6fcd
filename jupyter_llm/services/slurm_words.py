"""SLURM's command lines and what its answers mean; the same for versions 22.05 to 24.11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.services.launcher import TAG, Sight
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.services.launcher import Job
    from jupyter_llm.services.plan import Plan

_SEPARATOR = "\x1f"
# array's base id, state, reason, nodes, comment
_FIELDS = ("%F", "%T", "%r", "%N", "%k")

# by default a job inherits all of the environment, with every secret in it
_EXPORTED = (
    *("HOME", "USER", "LOGNAME", "PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH"),
    *("PYTHONPATH", "JUPYTER_DATA_DIR", "MODELS_DIR", "HF_HOME", "HF_ENDPOINT", "HF_TOKEN"),
)

_STATES = {
    "PENDING": ServiceState.PENDING,
    "REQUEUED": ServiceState.PENDING,
    "REQUEUE_HOLD": ServiceState.PENDING,
    "SPECIAL_EXIT": ServiceState.PENDING,
    "CONFIGURING": ServiceState.CONFIGURING,
    "RUNNING": ServiceState.RUNNING,
    "COMPLETING": ServiceState.RUNNING,
    "SUSPENDED": ServiceState.RUNNING,
    "STOPPED": ServiceState.RUNNING,
    "RESIZING": ServiceState.RUNNING,
    "SIGNALING": ServiceState.RUNNING,
    "STAGE_OUT": ServiceState.RUNNING,
    "COMPLETED": ServiceState.COMPLETED,
    "FAILED": ServiceState.FAILED,
    "OUT_OF_MEMORY": ServiceState.FAILED,
    "CANCELLED": ServiceState.CANCELLED,
    "PREEMPTED": ServiceState.CANCELLED,
    "REVOKED": ServiceState.CANCELLED,
    "TIMEOUT": ServiceState.TIMEOUT,
    "DEADLINE": ServiceState.TIMEOUT,
    "NODE_FAIL": ServiceState.NODE_FAIL,
    "BOOT_FAIL": ServiceState.NODE_FAIL,
}

_REASONS = {
    "OUT_OF_MEMORY": "It used more memory than it had asked for.",
    "CANCELLED": "It was cancelled.",
    "PREEMPTED": "A job with a higher priority took its place.",
    "TIMEOUT": "Its time limit was reached.",
    "DEADLINE": "Its deadline was reached.",
    "NODE_FAIL": "A node of it failed.",
    "BOOT_FAIL": "A node of it did not start.",
    "SUSPENDED": "It is suspended.",
    "Resources": "It waits for nodes or GPUs to become free.",
    "Priority": "Jobs with a higher priority stand before it.",
    "Dependency": "It waits for another job.",
    "QOSMaxJobsPerUserLimit": "You have as many jobs as you may have.",
    "AssocGrpGRES": "Your account has all the GPUs that it may have.",
    "BadConstraints": "No node has what it asks for.",
    "PartitionTimeLimit": "The partition allows no time limit as long as this.",
    "ReqNodeNotAvail": "Nodes that it needs are not available.",
}
# SLURM's reasons that say nothing
_EMPTY = {"", "None", "(null)", "NonZeroExitCode", "N/A"}

# of several tasks of one array, the one that says how the whole stands
_ORDER = (
    ServiceState.RUNNING,
    ServiceState.CONFIGURING,
    ServiceState.PENDING,
    ServiceState.NODE_FAIL,
    ServiceState.TIMEOUT,
    ServiceState.FAILED,
    ServiceState.CANCELLED,
    ServiceState.COMPLETED,
)


def submit_argv(job: Job, plan: Plan) -> list[str]:
    """`sbatch`, which reads the script from its standard input."""
    resources = plan.resources
    gpus = f"{resources.gpu_type}:{resources.gpu}" if resources.gpu_type else resources.gpu
    options = {
        "job-name": "jllm-" + plan.recipe.name.partition("/")[2],
        "comment": TAG + job.key,
        # the script writes there, too: what SLURM has to say stands beside it
        "output": f"{_escaped(job.folder)}/log",
        "open-mode": "append",
        "chdir": job.folder,
        "export": ",".join(_EXPORTED),
        "nodes": 1,
        "ntasks": 1,
        "array": f"0-{resources.nodes - 1}" if resources.nodes > 1 else None,
        "cpus-per-task": resources.cpu,
        "mem": resources.memory,
        "gres": f"gpu:{gpus}" if gpus else None,
        # a minute more: the script ends itself, and says why
        "time": resources.time_limit + 1 if resources.time_limit else None,
        "partition": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
        "reservation": resources.reservation,
        "constraint": resources.constraint,
    }
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    # requeued, it would come back elsewhere without anybody having asked for it
    return ["sbatch", "--parsable", "--no-requeue", *given]


def queue_argv() -> list[str]:
    """`squeue` for all of this user's jobs: one that has gone would make it fail if named."""
    return [
        "squeue",
        "--noheader",
        "--me",
        "--states=all",
        f"--format={_SEPARATOR.join(_FIELDS)}",
    ]


def cancel_argv(job_id: str) -> list[str]:
    """`scancel`, of an array all of it."""
    return ["scancel", job_id]


def submitted_id(answer: str) -> str:
    """The job's id from what `sbatch --parsable` prints: `ID` or `ID;CLUSTER`.

    Raises:
        ValueError: It is something else.
    """
    job_id = answer.strip().rpartition("\n")[2].partition(";")[0].strip()
    if not (job_id.isascii() and job_id.isdecimal()):
        raise ValueError(f"no job id: {answer[:200]!r}")
    return job_id


def sights(answer: str) -> dict[str, Sight]:
    """Our own jobs in what `squeue` prints, by key; tasks of an array put together."""
    tasks: dict[str, list[Sight]] = {}
    for line in answer.splitlines():
        fields = line.split(_SEPARATOR)
        if len(fields) != len(_FIELDS) or not fields[-1].startswith(TAG):
            continue
        tasks.setdefault(fields[-1].removeprefix(TAG), []).append(_sight(*fields[:-1]))
    return {key: _together(seen) for key, seen in tasks.items()}


def _sight(job_id: str, state: str, reason: str, nodes: str) -> Sight:
    known = _STATES.get(state, ServiceState.RUNNING)
    return Sight(
        job_id=job_id,
        state=known,
        reason=_in_words(state, reason),
        nodes=tuple(filter(None, [nodes])),
        is_own_word=known.is_final and state not in {"COMPLETED", "FAILED"},
    )


def _in_words(state: str, reason: str) -> str:
    if state in _REASONS:
        return _REASONS[state]
    if reason in _EMPTY:
        return ""
    return _REASONS.get(reason.partition(",")[0].strip("()"), f"SLURM says: {reason}.")


def _together(tasks: Iterable[Sight]) -> Sight:
    ordered = sorted(tasks, key=lambda task: _ORDER.index(task.state))
    nodes = tuple(dict.fromkeys(node for task in ordered for node in task.nodes))
    first = ordered[0]
    return Sight(
        job_id=first.job_id,
        state=first.state,
        reason=first.reason,
        nodes=nodes,
        is_own_word=first.is_own_word,
    )


def _escaped(path: str) -> str:
    """A path that SLURM takes as it is: a backslash in it would switch patterns off."""
    return path.replace("%", "%%")
