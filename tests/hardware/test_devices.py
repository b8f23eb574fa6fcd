from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from nvml_standin import GIB

from jupyter_llm.hardware import metal
from jupyter_llm.hardware.metal import read_metal, working_set_bytes
from jupyter_llm.hardware.sampler import Sampler
from jupyter_llm.types import Device

if TYPE_CHECKING:
    from nvml_standin import StandIn

GPUS = (f"gpu GPU-a H100 {80 * GIB} {9 * GIB}", f"gpu GPU-b H100 {80 * GIB} 0")
READ = """
import json, msgspec, os
from jupyter_llm.hardware.devices import DeviceReader
{prepare}
print(json.dumps(msgspec.to_builtins(DeviceReader().read())))
"""


def read(standin: StandIn, prepare: str = "", **environment: str) -> dict[str, Any]:
    reading: dict[str, Any] = json.loads(standin.run(READ.format(prepare=prepare), **environment))
    return reading


def test_gpus_come_first_and_the_systems_memory_last(standin: StandIn) -> None:
    standin.has(*GPUS)
    reading = read(standin)
    assert [(one["id"], one["kind"]) for one in reading["devices"]] == [
        ("GPU-a", "cuda"),
        ("GPU-b", "cuda"),
        ("cpu", "cpu"),
    ]
    assert reading["gpu_reason"] == ""


def test_a_gpu_that_cuda_does_not_show_is_not_there(standin: StandIn) -> None:
    standin.has(*GPUS)
    only_second = read(standin, CUDA_VISIBLE_DEVICES="GPU-b")
    assert [one["id"] for one in only_second["devices"]] == ["GPU-b", "cpu"]
    none = read(standin, CUDA_VISIBLE_DEVICES="")
    assert [one["id"] for one in none["devices"]] == ["cpu"]
    assert "CUDA_VISIBLE_DEVICES" in none["gpu_reason"]


def test_memory_of_this_process_on_a_gpu_is_its_own(standin: StandIn) -> None:
    standin.has(GPUS[0])
    report = f"open({str(standin.devices)!r}, 'a').write(f'process {{os.getpid()}} {GIB}')"
    (gpu, _) = read(standin, prepare=report)["devices"]
    assert (gpu["own_bytes"], gpu["used_bytes"]) == (GIB, 9 * GIB)


RAM = Device(
    id="cpu", kind="cpu", name="", total_bytes=36 * GIB, used_bytes=6 * GIB, own_bytes=2 * GIB
)


def test_apples_gpu_has_the_working_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metal.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(metal.platform, "machine", lambda: "arm64")
    gpu = read_metal(RAM, sysctl=lambda _name: 0)
    assert gpu is not None
    assert (gpu.kind, gpu.total_bytes, gpu.used_bytes) == ("metal", 24 * GIB, 2 * GIB)
    limited = read_metal(RAM, sysctl=lambda _name: 32 << 10)
    assert limited is not None
    assert (limited.total_bytes, limited.used_bytes) == (32 * GIB, 2 * GIB)


def test_other_machines_have_no_metal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metal.platform, "machine", lambda: "x86_64")
    assert read_metal(RAM) is None


@pytest.mark.parametrize(
    ("ram", "limit_mib", "working_set"),
    [(24, 0, 16), (64, 0, 48), (64, 60 << 10, 60), (64, 99 << 10, 64)],
)
def test_the_working_set_is_the_operators_limit_or_macos_own(
    ram: int, limit_mib: int, working_set: int
) -> None:
    assert working_set_bytes(ram * GIB, limit_mib) == working_set * GIB


def test_many_callers_share_one_reading_and_it_is_in_a_thread() -> None:
    threads: list[int] = []

    def slow() -> int:
        threads.append(threading.get_ident())
        time.sleep(0.05)
        return len(threads)

    async def run() -> None:
        sampler = Sampler(slow, min_interval_s=3600)
        assert await asyncio.gather(*(sampler.latest() for _ in range(20))) == [1] * 20
        assert await sampler.latest() == 1

    asyncio.run(run())
    assert threads[0] != threading.get_ident()


def test_old_figures_and_errors_are_not_kept() -> None:
    answers: list[int | Exception] = [OSError("once"), 1, 2]

    def answer() -> int:
        if isinstance(now := answers.pop(0), Exception):
            raise now
        return now

    async def run() -> None:
        sampler = Sampler(answer, min_interval_s=0.05)
        with pytest.raises(OSError, match="once"):
            await sampler.latest()
        assert await sampler.latest() == 1
        await asyncio.sleep(0.06)
        assert await sampler.latest() == 2

    asyncio.run(run())


def test_a_caller_that_leaves_does_not_end_the_reading_of_others() -> None:
    gate = threading.Event()

    async def run() -> None:
        sampler = Sampler(lambda: gate.wait(10), min_interval_s=3600)
        first, second = (asyncio.create_task(sampler.latest()) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        gate.set()
        assert await second is True

    asyncio.run(run())
