"""Jobs on a SLURM cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.errors import ClusterError, InvalidRequestError
from jupyter_llm.services.slurm_words import (
    cancel_argv,
    queue_argv,
    sights,
    submit_argv,
    submitted_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.services.launcher import Job, Sight
    from jupyter_llm.services.plan import Plan
    from jupyter_llm.services.shell import Completed, Shell

# each command of SLURM waits 9 s for a controller that is down
_TIMEOUT_S = 30.0
_NOBODY = (
    *("Unable to contact slurm controller", "Socket timed out", "Connection refused"),
    *("configuration source", "munge"),
)


class SlurmLauncher:
    """Whatever cluster the commands of the shell's machine belong to."""

    name = "slurm"
    is_local = False

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def new_id(self, key: str) -> str:
        """SLURM gives the id."""
        del key
        return ""

    async def check(self, plan: Plan, taken_gpus: Sequence[str]) -> str:
        """What nodes there are, `sbatch` knows best; it chooses the GPUs, too."""
        del plan, taken_gpus
        return ""

    async def submit(self, job: Job, plan: Plan, script: str) -> str:
        """Hand the script to `sbatch`."""
        argv = submit_argv(job, plan)
        done = await self._shell.run(argv, stdin=script.encode(), timeout_s=_TIMEOUT_S)
        if done.returncode:
            if _is_silence(done):
                raise _silence(done)
            raise InvalidRequestError(
                f"SLURM refuses the job: {done.message.removeprefix('sbatch: error: ')}",
                param="config",
            )
        try:
            return submitted_id(done.stdout.decode(errors="replace"))
        except ValueError as error:
            raise ClusterError(f"sbatch gave {error}.") from error

    async def look(self, jobs: Sequence[Job]) -> Mapping[str, Sight]:
        """One `squeue` for all."""
        done = await self._shell.run(queue_argv(), timeout_s=_TIMEOUT_S)
        if done.returncode:
            raise _silence(done)
        wanted = {job.key for job in jobs}
        found = sights(done.stdout.decode(errors="replace"))
        return {key: sight for key, sight in found.items() if key in wanted}

    async def cancel(self, job: Job, *, by_force: bool = False) -> None:
        """`scancel`, which also kills what does not end by itself."""
        del by_force
        if not job.job_id:
            return
        done = await self._shell.run(cancel_argv(job.job_id), timeout_s=_TIMEOUT_S)
        if done.returncode and "Invalid job id" not in done.message:
            raise _silence(done)

    async def sweep(self, job: Job) -> None:
        """SLURM ends all processes of a job."""


def _is_silence(done: Completed) -> bool:
    return any(words in done.message for words in _NOBODY)


def _silence(done: Completed) -> ClusterError:
    return ClusterError(
        f"SLURM does not answer ({done.message}). What runs goes on; try again later."
    )
