from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

from jupyter_llm.hardware import memory
from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.memory import read_ram, tightest_limit

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MIB = 1 << 20


def test_the_system_memory_is_one_device() -> None:
    ram = read_ram().device
    assert (ram.id, ram.kind) == ("cpu", "cpu")
    assert 0 < ram.own_bytes < ram.total_bytes <= psutil.virtual_memory().total
    assert 0 < ram.used_bytes <= ram.total_bytes


def test_the_bound_that_leaves_least_counts() -> None:
    roomy = MemoryLimit(limit_bytes=100, used_bytes=10)
    tight = MemoryLimit(limit_bytes=200, used_bytes=150)
    assert tightest_limit([roomy, tight]) == tight


def test_a_containers_limit_is_its_total(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = MemoryLimit(limit_bytes=MIB, used_bytes=MIB // 2)
    monkeypatch.setattr(memory, "memory_limits", lambda: [limit])
    ram = read_ram().device
    assert ram.total_bytes == MIB
    assert ram.total_bytes - ram.used_bytes < MIB // 2


def test_own_memory_counts_engines_and_no_other_children(tmp_path: Path) -> None:
    holds = "import sys; held = bytearray(200 << 20); print(flush=True); sys.stdin.read()"
    script = tmp_path / "hold.py"
    script.write_text(holds)

    def own_with(*arguments: str) -> int:
        command = [sys.executable, str(script), *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            ram = read_ram().device
            child.communicate()
        return ram.own_bytes

    kernel = own_with("ipykernel_launcher")
    engine = own_with("jupyter_llm.engines.host")
    assert engine - kernel > 190 * MIB


def test_mapped_weights_are_not_free(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(256 * MIB))
    script = (
        "import mmap, psutil, sys; from jupyter_llm.hardware.memory import read_ram;"
        "still = psutil.virtual_memory(); psutil.virtual_memory = lambda: still;"
        "before = read_ram().device.used_bytes;"
        "file = open(sys.argv[1], 'rb'); m = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ);"
        "sum(m[i] for i in range(0, len(m), 4096));"
        "print(read_ram().device.used_bytes - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, check=True
    )
    assert 250 * MIB < int(done.stdout) < 300 * MIB
