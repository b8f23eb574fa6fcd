"""What starts jobs: the one interface of clusters and of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.services.plan import Plan
    from jupyter_llm.types import ServiceState

TAG = "jupyter-llm:"
"""Stands before the key of a service wherever a launcher can note whose a job is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job: `key` is unique for ever and no secret, `folder` its own and absolute.

    `job_id` is what the launcher knows it by, empty as long as that is unknown.
    """

    key: str
    folder: str
    job_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """How a launcher sees a job.

    `state` is `RUNNING` as soon as its script runs. `is_own_word` says that it is the launcher
    that ended the job so, or knows why; otherwise the job's own last word counts for more.
    """

    job_id: str
    state: ServiceState
    reason: str = ""
    nodes: tuple[str, ...] = ()
    is_own_word: bool = False


class Launcher(Protocol):
    """Starts and ends jobs through a `Shell`; keeps nothing of them in memory."""

    name: str
    is_local: bool

    def new_id(self, key: str) -> str:
        """The id that a job will have, empty where only `submit` can tell."""
        ...

    async def check(self, plan: Plan, taken_gpus: Sequence[str]) -> str:
        """See that there is what the plan asks for; returns the GPUs to use, where it chooses.

        Raises:
            InvalidRequestError: There is not; `param` names the field.
        """
        ...

    async def submit(self, job: Job, plan: Plan, script: str) -> str:
        """Start a job; returns its id.

        Raises:
            InvalidRequestError: It was refused, and why.
            ClusterError: Nobody answered; whether it was started is unknown.
        """
        ...

    async def look(self, jobs: Sequence[Job]) -> Mapping[str, Sight]:
        """All these jobs by key, with one command; those that are not known any more are left out.

        Raises:
            ClusterError: Nobody answered.
        """
        ...

    async def cancel(self, job: Job, *, by_force: bool = False) -> None:
        """Have a job end; one that has ended is left alone.

        Raises:
            ClusterError: Nobody answered, or not as expected.
        """
        ...

    async def sweep(self, job: Job) -> None:
        """End what a job has left behind whose own script was killed."""
        ...
