"""Which GPUs a CUDA program of this process may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jupyter_llm.hardware.nvml import Gpu


def visible_gpus(gpus: Sequence[Gpu], setting: str | None) -> tuple[Gpu, ...]:
    """Those of `gpus` that CUDA finds with this `CUDA_VISIBLE_DEVICES`, in its order.

    Sources: CUDA C++ Programming Guide, "CUDA Environment Variables", and NVIDIA's MIG
    User Guide, "CUDA Visible Devices":

    1. Without the variable all are visible, with an empty one none.
    2. A device is named by its index or the beginning of its UUID; the first name that
       means none, or one that was named already, ends the list.
    3. CUDA uses a single instance (MIG), the first one, and then no whole GPU.
    """
    found = list(gpus if setting is None else _named(gpus, setting))
    instances = [gpu for gpu in found if gpu.is_instance]
    return tuple(instances[:1] or found)


def _named(gpus: Sequence[Gpu], setting: str) -> Iterator[Gpu]:
    seen: set[str] = set()
    for name in setting.split(","):
        gpu = _find(gpus, name.strip())
        if gpu is None or gpu.uuid in seen:
            return
        seen.add(gpu.uuid)
        yield gpu


def _find(gpus: Sequence[Gpu], name: str) -> Gpu | None:
    if name.isdecimal():
        return next((gpu for gpu in gpus if gpu.index == int(name)), None)
    matches = [gpu for gpu in gpus if name and gpu.uuid.startswith(name)]
    return matches[0] if len(matches) == 1 else None
