"""What a load costs whose model was probed before, beside llama.cpp's own load."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median

from jupyter_llm.engines.llama_cpp.runtime import Runtime
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.types import LoadOptions, Model

OPTIONS = LoadOptions(context_length=2048, slots=8)


def measure(path: Path, *, num_rounds: int) -> str:
    """Load both ways in turns, the file in the page cache; returns a table in Markdown."""
    ours, raw = asyncio.run(_times(path, num_rounds))
    return (
        "| llama.cpp's own load ms | through the manager ms | ratio |\n"
        "|---:|---:|---:|\n"
        f"| {1000 * raw:.0f} | {1000 * ours:.0f} | {ours / raw:.2f} |"
    )


async def _times(path: Path, num_rounds: int) -> tuple[float, float]:
    """Medians in seconds; the first load, which is not counted, also probes."""
    manager = ModelManager(settings=ManagerSettings(models_dirs=(str(path.parent),)))
    model = await manager.resolve(path.stem)
    ours, raw = [], []
    for _ in range(num_rounds + 1):
        began = time.perf_counter()
        await manager.load(model.id, OPTIONS)
        ours.append(time.perf_counter() - began)
        await manager.unload(model.id)
        raw.append(await asyncio.to_thread(_raw_s, model))
    await manager.stop()
    return median(ours[1:]), median(raw[1:])


def _raw_s(model: Model) -> float:
    began = time.perf_counter()
    runtime = Runtime(model, OPTIONS, lambda _part: True)
    taken_s = time.perf_counter() - began
    runtime.free()
    return taken_s
