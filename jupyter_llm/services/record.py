"""A service as this server keeps it: what others may know of it, and how to find its job."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.services.launcher import Job
from jupyter_llm.types import Service, ServiceState

if TYPE_CHECKING:
    from jupyter_llm.services.plan import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """`key` is the service's for ever; the id of its job is known once it was submitted.

    `gpus` are those that the launcher has chosen, `config` is what was asked for. With
    `cancelled_at` it was asked to end, because of what `cancelled_because` says;
    `running_since` is when the first of its servers answered (seconds since the epoch).
    """

    key: str
    folder: str
    service: Service
    job_id: str = ""
    health: str = "/health"
    base_path: str = ""
    gpus: str = ""
    cancelled_at: float | None = None
    cancelled_because: str = "It was cancelled."
    running_since: float | None = None
    hands_over: bool = False
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def job(self) -> Job:
        """The job as launchers take it."""
        return Job(key=self.key, folder=self.folder, job_id=self.job_id)


def planned(plan: Plan, job: Job, *, owner: str, name: str, now: float) -> Record:
    """The record of a service that is about to be submitted; its key begins with its launcher."""
    recipe, resources = plan.recipe, plan.resources
    service = Service(
        id=job.job_id or job.key,
        name=name or _called(plan.model) or recipe.name.partition("/")[2],
        recipe=recipe.name,
        kind=recipe.kind,
        owner=owner,
        launcher=job.key.partition("-")[0],
        state=ServiceState.PENDING,
        reason="It is being submitted.",
        model=plan.model,
        num_nodes=resources.nodes,
        num_gpus=plan.num_gpus,
        num_replicas=plan.num_replicas * resources.nodes,
        created_at=now,
        time_limit_s=plan.time_limit_s,
        as_of=now,
    )
    return Record(
        key=job.key,
        folder=job.folder,
        service=service,
        job_id=job.job_id,
        health=recipe.health,
        base_path=recipe.base_path,
        hands_over=plan.hands_over,
    )


def _called(model: str) -> str:
    """The model's own name: a repository has one, a path ends with it."""
    if model.startswith(("/", "~", ".")):
        return PurePosixPath(model).name.removesuffix(".gguf")
    return model


def to_row(record: Record) -> dict[str, Any]:
    """The record in plain values, for the registry."""
    service = record.service
    return {
        "key": record.key,
        "job_id": record.job_id,
        "name": service.name,
        "recipe": service.recipe,
        "owner": service.owner,
        "state": str(service.state),
        "created_at": service.created_at,
        "ended_at": service.ended_at,
        "record": msgspec.to_builtins(record),
    }


def from_row(row: dict[str, Any]) -> Record:
    """What `to_row` was given.

    Raises:
        msgspec.ValidationError: A later version wrote it.
    """
    return msgspec.convert(row["record"], Record)
