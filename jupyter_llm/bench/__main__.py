"""`make bench`: make the model if need be, run the chosen measurements, print tables."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from jupyter_llm.hardware.cores import num_usable_cores

from . import (
    busy,
    catalogue,
    draft,
    fairness,
    grammar,
    loading,
    mapping,
    memory,
    mlx,
    prefix,
    probe,
    remote,
    sharing,
    startup,
    throughput,
    vectors,
    vllm,
)
from .model import write_random_model

MODEL = Path("build/bench/random-0.5b-q8_0.gguf")

MEASUREMENTS: dict[str, Callable[..., str]] = {
    "throughput": throughput.measure,
    "prefix": prefix.measure,
    "busy": busy.measure,
    "grammar": grammar.measure,
    "draft": draft.measure,
    "memory": memory.measure,
    "loading": loading.measure,
    "probe": probe.measure,
    "startup": startup.measure,
    "catalogue": catalogue.measure,
    "fairness": fairness.measure,
    "sharing": sharing.measure,
    "remote": remote.measure,
    "map": mapping.measure,
    "mlx": mlx.measure,
    "vectors": vectors.measure,
    "vllm": vllm.measure,
}


_WITHOUT_MODEL = {
    "startup",
    "catalogue",
    "fairness",
    "sharing",
    "remote",
    "mlx",
    "vectors",
    "vllm",
}


def main() -> None:
    """Run the measurements named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_llm.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over these")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MEASUREMENTS):
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    names = options.names or list(MEASUREMENTS)
    if not MODEL.exists() and set(names) - _WITHOUT_MODEL:
        MODEL.parent.mkdir(parents=True, exist_ok=True)
        write_random_model(MODEL)
    _say(f"{platform.processor() or platform.machine()}, {num_usable_cores()} cores\n")
    for name in names:
        table = MEASUREMENTS[name](MODEL.absolute(), num_rounds=options.rounds)
        _say(f"## {name}\n\n{table}\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
