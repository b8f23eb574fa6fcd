from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from nvml_standin import GIB, LIBRARY, NUM_NO_BYTES, StandIn

from jupyter_llm.hardware.nvml import Gpu
from jupyter_llm.hardware.visible import visible_gpus

if TYPE_CHECKING:
    from pathlib import Path

READ = """
import json, msgspec
from jupyter_llm.hardware.nvml import Nvml
print(json.dumps(msgspec.to_builtins(Nvml(timeout_s={timeout_s}).read(), str_keys=True)))
"""
H100 = f"gpu GPU-aaaa NVIDIA_H100 {80 * GIB} {10 * GIB}"
A100 = f"gpu GPU-bbbb NVIDIA_A100 {40 * GIB} {1 * GIB}"


def read(standin: StandIn, *lines: str, timeout_s: float = 10.0) -> dict[str, Any]:
    standin.has(*lines)
    reading: dict[str, Any] = json.loads(standin.run(READ.format(timeout_s=timeout_s)))
    return reading


def test_each_gpu_has_its_memory_and_its_processes(standin: StandIn) -> None:
    reading = read(standin, H100, f"process 41 {3 * GIB}", f"process 42 {NUM_NO_BYTES}", A100)
    first, second = reading["gpus"]
    assert (first["uuid"], first["index"], first["name"]) == ("GPU-aaaa", 0, "NVIDIA H100")
    assert (first["total_bytes"], first["used_bytes"]) == (80 * GIB, 10 * GIB)
    assert first["process_bytes"] == {"41": 3 * GIB, "42": 0}
    assert (second["uuid"], second["index"], second["process_bytes"]) == ("GPU-bbbb", 1, {})
    assert reading["reason"] == ""


def test_a_partitioned_gpu_is_its_instances(standin: StandIn) -> None:
    reading = read(
        standin,
        H100,
        "partitioned 7",
        f"mig 1 MIG-1111 NVIDIA_H100_MIG_1g.10gb {10 * GIB} {2 * GIB}",
        f"process 7 {GIB}",
        f"mig 4 MIG-4444 NVIDIA_H100_MIG_3g.40gb {40 * GIB} 0",
        A100,
    )
    found = [(gpu["uuid"], gpu["index"], gpu["is_instance"]) for gpu in reading["gpus"]]
    assert found == [("MIG-1111", 0, True), ("MIG-4444", 0, True), ("GPU-bbbb", 1, False)]
    assert reading["gpus"][0]["total_bytes"] == 10 * GIB
    assert reading["gpus"][0]["process_bytes"] == {"7": GIB}


@pytest.mark.parametrize(
    ("code", "reason"),
    [(9, "not loaded"), (18, "restart the machine"), (4, "/dev/nvidia"), (999, "Unknown Error")],
)
def test_a_driver_that_does_not_start_says_why(standin: StandIn, code: int, reason: str) -> None:
    reading = read(standin, f"init {code}", H100)
    assert reading["gpus"] == []
    assert reason in reading["reason"]


def test_a_machine_without_a_driver_has_no_gpu(standin: StandIn) -> None:
    (standin.folder / LIBRARY).unlink()
    reading = read(standin)
    assert reading["gpus"] == []
    assert "There is no NVIDIA driver here" in reading["reason"]


def test_a_library_that_is_no_library_is_no_driver(standin: StandIn) -> None:
    (standin.folder / LIBRARY).write_text("not an ELF file")
    assert "There is no NVIDIA driver here" in read(standin)["reason"]


def test_a_driver_without_a_gpu_says_so(standin: StandIn) -> None:
    assert "finds no GPU" in read(standin)["reason"]


@pytest.mark.parametrize("what", ["handle", "memory", "mode", "processes"])
def test_a_gpu_that_is_lost_hides_no_other(standin: StandIn, what: str) -> None:
    reading = read(standin, H100, f"error {what} 15", A100)
    assert [gpu["uuid"] for gpu in reading["gpus"]] == ["GPU-bbbb"]
    assert reading["reason"].startswith("GPU 0: It has fallen off the bus")


@pytest.mark.parametrize("code", [3, 4])
def test_processes_that_may_not_be_seen_are_no_error(standin: StandIn, code: int) -> None:
    reading = read(standin, H100, "process 41 1", f"error processes {code}")
    assert reading["gpus"][0]["process_bytes"] == {}
    assert reading["reason"] == ""


def test_a_driver_that_hangs_holds_up_neither_a_reading_nor_the_end(standin: StandIn) -> None:
    reading = read(standin, "hang 50", H100, timeout_s=0.2)
    assert "did not answer" in reading["reason"]


def test_a_driver_that_hangs_is_waited_for_once(standin: StandIn) -> None:
    standin.has("hang 50", H100)
    script = (
        "import time; from jupyter_llm.hardware.nvml import Nvml; nvml = Nvml(timeout_s=1.0);"
        "nvml.read(); began = time.monotonic(); reasons = [nvml.read().reason for _ in range(20)];"
        "print(time.monotonic() - began, all('did not answer' in one for one in reasons))"
    )
    took_s, is_told = standin.run(script).split()
    assert float(took_s) < 10
    assert is_told == "True"


def test_a_driver_that_was_restarted_is_found_again(standin: StandIn, tmp_path: Path) -> None:
    standin.has(H100)
    script = f"""
import pathlib
from jupyter_llm.hardware.nvml import Nvml
nvml, devices = Nvml(), pathlib.Path({str(standin.devices)!r})
print(len(nvml.read().gpus))
whole = devices.read_text()
devices.write_text("init 1")
print(len(nvml.read().gpus))
devices.write_text(whole + {A100!r})
print(len(nvml.read().gpus))
"""
    assert standin.run(script).split() == ["1", "0", "2"]


def gpu(uuid: str, index: int, *, is_instance: bool = False) -> Gpu:
    return Gpu(
        uuid=uuid,
        index=index,
        name="",
        total_bytes=0,
        used_bytes=0,
        is_instance=is_instance,
    )


WHOLE = [gpu("GPU-aa11", 0), gpu("GPU-aa22", 1), gpu("GPU-bb33", 2)]
MIXED = [
    gpu("MIG-1", 0, is_instance=True),
    gpu("MIG-2", 0, is_instance=True),
    gpu("GPU-bb33", 1),
]


@pytest.mark.parametrize(
    ("setting", "visible"),
    [
        (None, "GPU-aa11 GPU-aa22 GPU-bb33"),
        ("", ""),
        ("-1", ""),
        ("2,0", "GPU-bb33 GPU-aa11"),
        (" 1 , GPU-bb33", "GPU-aa22 GPU-bb33"),
        ("GPU-b", "GPU-bb33"),
        ("GPU-aa", ""),
        ("0,7,1", "GPU-aa11"),
        ("0,0,1", "GPU-aa11"),
        ("NoDevFiles", ""),
    ],
)
def test_cuda_sees_what_the_variable_names(setting: str | None, visible: str) -> None:
    assert " ".join(one.uuid for one in visible_gpus(WHOLE, setting)) == visible


@pytest.mark.parametrize(
    ("setting", "visible"),
    [
        (None, "MIG-1"),
        ("MIG-2", "MIG-2"),
        ("MIG-2,MIG-1", "MIG-2"),
        ("1", "GPU-bb33"),
        ("0", "MIG-1"),
        ("1,MIG-2", "MIG-2"),
    ],
)
def test_cuda_uses_one_instance_alone(setting: str | None, visible: str) -> None:
    assert " ".join(one.uuid for one in visible_gpus(MIXED, setting)) == visible
