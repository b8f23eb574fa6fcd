"""What the control groups of this process leave it: memory and processor time.

Containers, SLURM jobs and JupyterHub's systemd units are bounded by them, and
nothing else in the system shows these bounds. Sources: the kernel's
admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOUNTS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_NO_LIMIT_BYTES = 1 << 60
"""v1 writes the largest number of pages where there is no limit; nobody has an exbibyte."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryLimit:
    """A bound on memory in bytes, and what is used of it beside file cache.

    `group` names what it bounds, the same for every process of the machine; it is empty
    for the machine itself.
    """

    limit_bytes: int
    used_bytes: int
    group: str = ""

    @property
    def free_bytes(self) -> int:
        """What it leaves."""
        return self.limit_bytes - self.used_bytes


def memory_limits(mounts: Path = _MOUNTS, own_groups: Path = _OWN_GROUPS) -> list[MemoryLimit]:
    """Every bound on the memory of this process: of its group and of those around it."""
    limits = [_memory_v2(folder) for folder in _folders("", mounts, own_groups)]
    limits += [_memory_v1(folder) for folder in _folders("memory", mounts, own_groups)]
    return [limit for limit in limits if limit is not None]


def cpu_limit(mounts: Path = _MOUNTS, own_groups: Path = _OWN_GROUPS) -> float | None:
    """How many processors' time this process gets; `None` where nothing bounds it."""
    shares = [_cpu_v2(folder) for folder in _folders("", mounts, own_groups)]
    shares += [_cpu_v1(folder) for folder in _folders("cpu", mounts, own_groups)]
    return min((share for share in shares if share is not None), default=None)


def _folders(controller: str, mounts: Path, own_groups: Path) -> Iterator[Path]:
    """The folders of this process's group and its parents; v2 has the empty controller.

    A container often sees the host's path in /proc and has only its own group
    mounted: the folders that exist are taken.
    """
    mount = mounts / controller
    for line in _read(own_groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            inside = PurePosixPath(path).relative_to("/")
            yield from (mount / group for group in (inside, *inside.parents))
            return


def _memory_v2(folder: Path) -> MemoryLimit | None:
    limit = _read(folder / "memory.max")
    if not limit or limit == "max":
        return None
    stat = _table(folder / "memory.stat")
    cache = stat.get("active_file", 0) + stat.get("inactive_file", 0)
    used = int(_read(folder / "memory.current") or 0)
    return MemoryLimit(
        limit_bytes=int(limit), used_bytes=max(used - cache, 0), group=_group(folder)
    )


def _memory_v1(folder: Path) -> MemoryLimit | None:
    limit = int(_read(folder / "memory.limit_in_bytes") or _NO_LIMIT_BYTES)
    if limit >= _NO_LIMIT_BYTES:
        return None
    stat = _table(folder / "memory.stat")
    cache = stat.get("total_active_file", 0) + stat.get("total_inactive_file", 0)
    used = int(_read(folder / "memory.usage_in_bytes") or 0)
    return MemoryLimit(limit_bytes=limit, used_bytes=max(used - cache, 0), group=_group(folder))


def _group(folder: Path) -> str:
    """Paths differ between containers; the kernel numbers its groups once."""
    status = folder.stat()
    return f"{status.st_dev}:{status.st_ino}"


def _cpu_v2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return None if quota in ("", "max") else int(quota) / int(period)


def _cpu_v1(folder: Path) -> float | None:
    quota = int(_read(folder / "cpu.cfs_quota_us") or -1)
    return None if quota < 0 else quota / int(_read(folder / "cpu.cfs_period_us"))


def _table(path: Path) -> dict[str, int]:
    """A file of lines with a name and a number."""
    pairs = (line.split() for line in _read(path).splitlines())
    return {name: int(number) for name, number in pairs}


def _read(path: Path) -> str:
    """The text of a file; empty where there is none, as on macOS and Windows."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
