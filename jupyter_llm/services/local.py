"""Jobs as processes of one machine, for where there is no SLURM."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.errors import ClusterError, InvalidRequestError
from jupyter_llm.services.launcher import Sight
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.services.launcher import Job
    from jupyter_llm.services.plan import Plan
    from jupyter_llm.services.shell import Shell

_TIMEOUT_S = 30.0
# what batch systems and people write for none
_NO_DEVICE = {"-1", "NoDevFiles"}
_SCRIPT = Path(__file__).parent / "local.sh"


class LocalLauncher:
    """Each job is a process group of its own, which outlives this server.

    A job is known again by its process id and by when the process began.
    """

    name = "local"
    is_local = True

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def new_id(self, key: str) -> str:
        """The key itself."""
        return key

    async def check(self, plan: Plan, taken_gpus: Sequence[str]) -> str:
        """See that there are as many GPUs as asked for that no other service has."""
        if plan.resources.nodes > 1:
            raise InvalidRequestError("This machine is one node.", param="config.resources.nodes")
        wanted = plan.resources.gpu or 0
        gpus = await self._gpus() if wanted else []
        free = [gpu for gpu in gpus if gpu not in taken_gpus]
        if wanted > len(free):
            raise InvalidRequestError(
                f"{wanted} GPUs are asked for; this machine has {len(gpus)}, of which {len(free)} "
                'are free for services. Ask for fewer, or for none with "gpu": null.',
                param="config.resources.gpu",
            )
        return ",".join(free[:wanted])

    async def submit(self, job: Job, plan: Plan, script: str) -> str:
        """Start the script in the background."""
        del plan
        await self._do("start", job.folder, stdin=script.encode())
        return job.job_id

    async def look(self, jobs: Sequence[Job]) -> Mapping[str, Sight]:
        """Those whose script still runs."""
        said = await self._do("look", *(job.folder for job in jobs))
        running = {line[5:] for line in said.splitlines() if line.startswith("runs ")}
        return {
            job.key: Sight(job_id=job.job_id, state=ServiceState.RUNNING, nodes=("localhost",))
            for job in jobs
            if job.folder in running
        }

    async def cancel(self, job: Job, *, by_force: bool = False) -> None:
        """Ask the script to end, or kill it with all that it has started."""
        await self._do("kill" if by_force else "cancel", job.folder)

    async def sweep(self, job: Job) -> None:
        """Kill the servers of a script that was killed itself."""
        await self._do("sweep", job.folder)

    async def _gpus(self) -> list[str]:
        said = await self._do("gpus")
        return [gpu for gpu in said.replace(",", " ").split() if gpu not in _NO_DEVICE]

    async def _do(self, task: str, *folders: str, stdin: bytes = b"") -> str:
        argv = ["bash", "-c", _commands(), "bash", task, *folders]
        done = await self._shell.run(argv, stdin=stdin, timeout_s=_TIMEOUT_S)
        if done.returncode:
            raise ClusterError(f"The job's folder cannot be used: {done.message}.")
        return done.stdout.decode(errors="surrogateescape")


@cache
def _commands() -> str:
    return _SCRIPT.read_text(encoding="utf-8")
