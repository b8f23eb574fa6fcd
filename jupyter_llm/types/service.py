"""A service: something that was started from a recipe and runs as a job of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

ServiceKind = Literal["inference", "vector-db"]


class ServiceState(StrEnum):
    """Where a service stands; it is running only once it answers its health check.

    `configuring` is from the moment its job has a machine to the first answer.
    """

    PENDING = "pending"
    CONFIGURING = "configuring"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    NODE_FAIL = "node_fail"

    @property
    def is_final(self) -> bool:
        """Whether its job has ended."""
        return self not in _GOING


_GOING = {ServiceState.PENDING, ServiceState.CONFIGURING, ServiceState.RUNNING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Replica:
    """One server of a service, at `http://{host}:{port}{base_path}` as seen from its cluster.

    `id` is `JOB:PORT` with the service's id. It is `is_healthy` while it answers its health
    check; `gpus` are the devices it was given, as in `CUDA_VISIBLE_DEVICES`.
    """

    id: str
    index: int
    host: str
    port: int
    state: ServiceState
    is_healthy: bool = False
    base_path: str = ""
    gpus: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What is known of one service; times are in seconds since the epoch.

    `id` is the id of its job, `reason` says in words why it is in its state, and `model` is
    the id of what it serves, empty for a vector database. `num_replicas` is how many there
    shall be, `replicas` are those that have reported. `ends_at` is when its time limit ends
    it. `successor_of` is the id of the service that it takes over from, empty for most.
    `model_id` is what its model is called on this server, empty while it cannot be asked. What
    is said was true at `as_of`; it `is_stale` where the cluster does not answer.
    """

    id: str
    name: str
    recipe: str
    kind: ServiceKind
    owner: str
    launcher: str
    state: ServiceState
    reason: str = ""
    model: str = ""
    nodes: tuple[str, ...] = ()
    num_nodes: int = 1
    num_gpus: int = 0
    num_replicas: int = 1
    replicas: tuple[Replica, ...] = ()
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    time_limit_s: float | None = None
    ends_at: float | None = None
    successor_of: str = ""
    model_id: str = ""
    as_of: float
    is_stale: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it is made of several replicas."""
        return self.num_replicas > 1
