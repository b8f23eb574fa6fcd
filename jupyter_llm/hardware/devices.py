"""All memory that models can be loaded into, read at one moment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.kinds import CUDA
from jupyter_llm.hardware.memory import own_memory, read_ram
from jupyter_llm.hardware.metal import read_metal
from jupyter_llm.hardware.nvml import Gpu, Nvml
from jupyter_llm.hardware.visible import visible_gpus
from jupyter_llm.types import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Every device, GPUs first and the system's memory last.

    `limits` are all bounds on the system's memory, `own_mapped_bytes` what this server has
    in mapped files of it. `gpu_reason` says why a GPU is missing, or why there is none.
    """

    devices: tuple[Device, ...]
    limits: tuple[MemoryLimit, ...]
    own_mapped_bytes: int = 0
    gpu_reason: str = ""


class DeviceReader:
    """Reads the devices of this machine that this process may use."""

    def __init__(self, nvml: Nvml | None = None) -> None:
        self._nvml = nvml or Nvml()

    def read(self) -> Reading:
        """What is used of each device now; takes milliseconds, off the event loop."""
        own = own_memory()
        ram = read_ram(own)
        found = self._nvml.read()
        gpus = visible_gpus(found.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
        metal = read_metal(ram.device)
        return Reading(
            devices=(
                *(_device(gpu, own.pids) for gpu in gpus),
                *([metal] if metal else []),
                ram.device,
            ),
            limits=ram.limits,
            own_mapped_bytes=ram.own_mapped_bytes,
            gpu_reason=found.reason or _why_hidden(found.gpus, gpus),
        )


def _device(gpu: Gpu, own_pids: frozenset[int]) -> Device:
    return Device(
        id=gpu.uuid,
        kind=CUDA,
        name=gpu.name,
        total_bytes=gpu.total_bytes,
        used_bytes=gpu.used_bytes,
        own_bytes=sum(gpu.process_bytes.get(pid, 0) for pid in own_pids),
    )


def _why_hidden(found: tuple[Gpu, ...], visible: tuple[Gpu, ...]) -> str:
    if found and not visible:
        return "CUDA_VISIBLE_DEVICES hides every GPU from this server."
    return ""
