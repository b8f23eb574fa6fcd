"""NVIDIA's GPUs, as the management library of their driver (NVML) tells of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

ANSWER_TIMEOUT_S = 3.0
"""A healthy driver answers within milliseconds, one that has to wake up within two seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """A GPU, or an instance of one that is partitioned (MIG); memory in bytes.

    `index` is the GPU's place in the order of the PCI bus, also for its instances.
    `process_bytes` has what each process uses, by process id, where the driver says so.
    """

    uuid: str
    index: int
    name: str
    total_bytes: int
    used_bytes: int
    is_instance: bool = False
    process_bytes: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuReading:
    """The GPUs of this machine; `reason` says why there are none, or why some are missing."""

    gpus: tuple[Gpu, ...] = ()
    reason: str = ""


class Nvml:
    """Reads the GPUs. The library is loaded at the first reading, not before.

    `timeout_s` bounds one reading: a driver that is stuck takes a thread with it, but
    neither the caller nor the end of the process.
    """

    def __init__(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        self._answer: Future[GpuReading] | None = None
        self._is_open = False
        self._is_stuck = False

    def read(self) -> GpuReading:
        """What the driver says now; to be called off the event loop. Never raises."""
        with self._turn:
            if self._answer is None or self._answer.done():
                self._answer = _in_daemon_thread(self._query)
                self._is_stuck = False
            answer = self._answer
            # waited for once: nobody waits again until it is done
            timeout_s = 0.0 if self._is_stuck else self._timeout_s
        try:
            return answer.result(timeout_s)
        except TimeoutError:
            self._is_stuck = True
            return GpuReading(
                reason=f"The NVIDIA driver did not answer within {self._timeout_s:.0f} s. "
                "If nvidia-smi hangs, too, the machine has to be restarted."
            )

    def _query(self) -> GpuReading:
        try:
            import pynvml
        except ImportError as error:
            return GpuReading(reason=f"{error}: pip install nvidia-ml-py shows NVIDIA's GPUs.")
        try:
            if not self._is_open:
                pynvml.nvmlInit()
                self._is_open = True
            return _read_all(pynvml)
        except pynvml.NVMLError as error:
            self._close(pynvml)
            return GpuReading(reason=_explain(pynvml, error))

    def _close(self, nvml: ModuleType) -> None:
        """Begin anew next time: so a driver that was restarted is found again."""
        if self._is_open:
            self._is_open = False
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()


def _in_daemon_thread(work: Callable[[], GpuReading]) -> Future[GpuReading]:
    answer: Future[GpuReading] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=run, name="nvml", daemon=True).start()
    return answer


def _read_all(nvml: ModuleType) -> GpuReading:
    gpus: list[Gpu] = []
    reasons: list[str] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            gpus += _read_one(nvml, index)
        except nvml.NVMLError as error:
            reasons.append(f"GPU {index}: {_explain(nvml, error)}")
    if not gpus and not reasons:
        reasons = ["The NVIDIA driver is here and finds no GPU."]
    return GpuReading(gpus=tuple(gpus), reason=" ".join(reasons))


def _read_one(nvml: ModuleType, index: int) -> list[Gpu]:
    """One GPU, or all instances of a partitioned one: its own memory can not be used then."""
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    if not _is_partitioned(nvml, handle):
        return [_gpu(nvml, handle, index)]
    return [_gpu(nvml, part, index, is_instance=True) for part in _instances(nvml, handle)]


def _is_partitioned(nvml: ModuleType, handle: Any) -> bool:
    try:
        current, _pending = nvml.nvmlDeviceGetMigMode(handle)
    except nvml.NVMLError as error:
        if error.value not in (nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_FUNCTION_NOT_FOUND):
            raise
        return False
    return bool(current == nvml.NVML_DEVICE_MIG_ENABLE)


def _instances(nvml: ModuleType, handle: Any) -> Iterator[Any]:
    for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except nvml.NVMLError as error:
            if error.value != nvml.NVML_ERROR_NOT_FOUND:  # a place that no instance has taken
                raise


def _gpu(nvml: ModuleType, handle: Any, index: int, *, is_instance: bool = False) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        uuid=nvml.nvmlDeviceGetUUID(handle),
        index=index,
        name=nvml.nvmlDeviceGetName(handle),
        total_bytes=memory.total,
        used_bytes=memory.total - memory.free,
        is_instance=is_instance,
        process_bytes=_process_bytes(nvml, handle),
    )


def _process_bytes(nvml: ModuleType, handle: Any) -> dict[int, int]:
    """Empty where the driver does not tell, as on Windows and for users without the right."""
    try:
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError as error:
        silent = (
            nvml.NVML_ERROR_NOT_SUPPORTED,
            nvml.NVML_ERROR_NO_PERMISSION,
            nvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        )
        if error.value not in silent:
            raise
        return {}
    return {process.pid: process.usedGpuMemory or 0 for process in processes}


def _explain(nvml: ModuleType, error: Any) -> str:
    """What the driver's error means here, and what to do."""
    known = {
        nvml.NVML_ERROR_LIBRARY_NOT_FOUND: "There is no NVIDIA driver here: its libnvidia-ml.so.1 "
        "was not found, or does not load.",
        nvml.NVML_ERROR_DRIVER_NOT_LOADED: "The NVIDIA driver is installed and not loaded: "
        "`modprobe nvidia`, or restart the machine.",
        nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "The NVIDIA driver was updated while it ran: "
        "restart the machine.",
        nvml.NVML_ERROR_NO_PERMISSION: "The NVIDIA driver refuses this user: ask for the right to "
        "open /dev/nvidia*.",
        nvml.NVML_ERROR_GPU_IS_LOST: "It has fallen off the bus: restart the machine.",
        nvml.NVML_ERROR_NOT_SUPPORTED: "It reports no memory of its own.",
    }
    return known.get(error.value, f"The NVIDIA driver reports an error: {error}.")
