from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.hardware.cgroup import MemoryLimit, cpu_limit, memory_limits

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


class Groups:
    """A tree of control groups in a folder, and the file that says where we are in it."""

    def __init__(self, tmp_path: Path, own_groups: str) -> None:
        self.mounts = tmp_path / "cgroup"
        self.own_groups = tmp_path / "self"
        self.own_groups.write_text(own_groups)

    def write(self, group: str, **files: str) -> None:
        folder = self.mounts / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(f"{content}\n")

    def memory(self) -> list[MemoryLimit]:
        """The limits, apart from whose they are."""
        limits = memory_limits(self.mounts, self.own_groups)
        return [replace(limit, group="") for limit in limits]

    def cpus(self) -> float | None:
        return cpu_limit(self.mounts, self.own_groups)


@pytest.fixture
def v2(tmp_path: Path) -> Groups:
    return Groups(tmp_path, "0::/user/notebook\n")


@pytest.fixture
def v1(tmp_path: Path) -> Groups:
    return Groups(tmp_path, "9:name=systemd:/x\n5:cpu,cpuacct:/job/7\n4:memory:/job/7\n0::/\n")


def test_v2_memory_is_what_is_used_beside_file_cache(v2: Groups) -> None:
    v2.write(
        "user/notebook",
        memory__max=str(512 * MIB),
        memory__current=str(300 * MIB),
        memory__stat=f"anon {200 * MIB}\ninactive_file {60 * MIB}\nactive_file {40 * MIB}",
    )
    assert v2.memory() == [MemoryLimit(limit_bytes=512 * MIB, used_bytes=200 * MIB)]


def test_v2_limits_of_the_groups_around_count_too(v2: Groups) -> None:
    v2.write("user/notebook", memory__max="max", memory__current="1", cpu__max="max 100000")
    v2.write("user", memory__max=str(MIB), memory__current="5", cpu__max="150000 100000")
    assert v2.memory() == [MemoryLimit(limit_bytes=MIB, used_bytes=5)]
    assert v2.cpus() == 1.5


def test_v1_memory_and_processors(v1: Groups) -> None:
    v1.write(
        "memory/job/7",
        memory__limit_in_bytes=str(64 * MIB),
        memory__usage_in_bytes=str(32 * MIB),
        memory__stat=f"cache 9\ntotal_inactive_file {MIB}\ntotal_active_file {MIB}",
    )
    v1.write("cpu/job/7", cpu__cfs_quota_us="400000", cpu__cfs_period_us="100000")
    assert v1.memory() == [MemoryLimit(limit_bytes=64 * MIB, used_bytes=30 * MIB)]
    assert v1.cpus() == 4.0


def test_v1_without_limits(v1: Groups) -> None:
    v1.write("memory/job/7", memory__limit_in_bytes=str((1 << 63) - 4096))
    v1.write("cpu/job/7", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert v1.memory() == []
    assert v1.cpus() is None


def test_a_container_that_sees_the_hosts_path_finds_its_own_group(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "4:memory:/docker/0123\n")
    groups.write("memory", memory__limit_in_bytes=str(MIB), memory__usage_in_bytes="7")
    assert groups.memory() == [MemoryLimit(limit_bytes=MIB, used_bytes=7)]


def test_a_group_that_uses_less_than_its_cache_uses_nothing(v2: Groups) -> None:
    v2.write("", memory__max="100", memory__current="10", memory__stat="active_file 50")
    assert v2.memory() == [MemoryLimit(limit_bytes=100, used_bytes=0)]


def test_a_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert memory_limits(absent, absent) == []
    assert cpu_limit(absent, absent) is None


def test_a_group_is_known_by_another_path_of_it(v2: Groups, tmp_path: Path) -> None:
    v2.write("user/notebook", memory__max="512", memory__current="0", memory__stat="")
    (tmp_path / "elsewhere").symlink_to(v2.mounts)
    (seen,) = memory_limits(v2.mounts, v2.own_groups)
    (seen_from_elsewhere,) = memory_limits(tmp_path / "elsewhere", v2.own_groups)
    assert seen.group == seen_from_elsewhere.group != ""
