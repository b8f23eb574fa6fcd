"""Memory: of a model, of a device, and how to have enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryUse:
    """Memory of one instance, in bytes, as reported when its model was loaded.

    `overhead_bytes` is what it keeps beside the rest, such as its vocabulary.
    """

    weights_bytes: int = 0
    kv_cache_bytes: int = 0
    compute_bytes: int = 0
    overhead_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """The sum of all parts."""
        return self.weights_bytes + self.kv_cache_bytes + self.compute_bytes + self.overhead_bytes

    def __add__(self, other: MemoryUse) -> MemoryUse:
        """What both take, part by part."""
        return MemoryUse(
            weights_bytes=self.weights_bytes + other.weights_bytes,
            kv_cache_bytes=self.kv_cache_bytes + other.kv_cache_bytes,
            compute_bytes=self.compute_bytes + other.compute_bytes,
            overhead_bytes=self.overhead_bytes + other.overhead_bytes,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """How a model that does not fit would, and what it would take then.

    `model` is loaded with these `options` of a load beside the usual ones, after the
    models of `unload` have left.
    """

    model: str
    need_bytes: int
    options: Mapping[str, int | str] = field(default_factory=dict)
    unload: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """Memory of one device in bytes: a GPU, or the system's RAM (`kind="cpu"`).

    `used_bytes` counts everybody, `own_bytes` this server and its engines, and
    `other_servers_bytes` the models of other notebook servers on this machine.
    """

    id: str
    kind: str
    name: str
    total_bytes: int
    used_bytes: int
    own_bytes: int
    other_servers_bytes: int = 0
