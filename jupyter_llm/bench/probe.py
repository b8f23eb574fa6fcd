"""What the probe says a model takes, beside what it takes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from jupyter_llm.engines.llama_cpp.probe import probe
from jupyter_llm.types import LoadOptions, Model

from .model import CONTEXT_LENGTH, Shape, write_random_model

MEBIBYTE = 1 << 20

WIDE_CACHE = Shape(
    num_layers=8, width=768, feed_forward=512, num_heads=12, num_kv_heads=12, num_tokens=32_000
)
"""Small weights and a large cache, so that it is filled quickly and counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One way to load a model."""

    quantization: str
    context_length: int
    slots: int
    kv_type: str = "f16"


CASES = (
    Case(quantization="Q8_0", context_length=1024, slots=1),
    Case(quantization="Q8_0", context_length=2048, slots=1),
    Case(quantization="Q8_0", context_length=2048, slots=8),
    Case(quantization="Q8_0", context_length=2048, slots=8, kv_type="q8_0"),
    Case(quantization="Q8_0", context_length=2048, slots=16, kv_type="f32"),
    Case(quantization="Q4_0", context_length=2048, slots=4),
    Case(quantization="Q4_0", context_length=2048, slots=8, kv_type="q4_0"),
    Case(quantization="Q5_0", context_length=1024, slots=2, kv_type="f32"),
    Case(quantization="F16", context_length=2048, slots=2),
    Case(quantization="F16", context_length=1024, slots=8, kv_type="q8_0"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Bytes that the probe estimates, and bytes by which a process grew that did it."""

    case: Case
    estimated_bytes: int
    measured_bytes: int

    @property
    def error(self) -> float:
        """How much the estimate is too large, as a share of what was measured."""
        return self.estimated_bytes / self.measured_bytes - 1


def comparisons() -> Iterator[Comparison]:
    """Compare every case, with models that are made for it."""
    with TemporaryDirectory(prefix="jupyter-llm-probe-") as folder:
        for case in CASES:
            path = Path(folder, f"{case.quantization}.gguf")
            if not path.exists():
                write_random_model(path, WIDE_CACHE, case.quantization)
            yield compare(path, case)


def compare(path: Path, case: Case) -> Comparison:
    """Probe a model, and load it in a process of its own that fills its cache."""
    model = Model(
        id=path.stem,
        path=str(path),
        format="gguf",
        engine="llama_cpp",
        context_length=CONTEXT_LENGTH,
    )
    options = LoadOptions(
        context_length=case.context_length, slots=case.slots, kv_type=case.kv_type, num_gpu_layers=0
    )
    memory = asyncio.run(probe(model, options)).memory
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_llm.bench.full_cache"],
        input=msgspec.json.encode((model, options)),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Comparison(
        case=case,
        estimated_bytes=memory.total_bytes,
        measured_bytes=int(done.stdout.splitlines()[-1]),
    )


def measure(_model: Path, *, num_rounds: int) -> str:
    """Compare all cases once: memory does not vary from round to round."""
    del num_rounds
    lines = ["| quantization | context | slots | KV | estimate, MiB | measured, MiB | error |"]
    lines.append("|---|---:|---:|---|---:|---:|---:|")
    lines += map(_row, comparisons())
    return "\n".join(lines)


def _row(found: Comparison) -> str:
    case = found.case
    return (
        f"| {case.quantization} | {case.context_length} | {case.slots} | {case.kv_type} "
        f"| {found.estimated_bytes / MEBIBYTE:.1f} | {found.measured_bytes / MEBIBYTE:.1f} "
        f"| {found.error:+.1%} |"
    )
