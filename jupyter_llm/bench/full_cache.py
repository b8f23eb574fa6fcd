"""`python -m` this module loads a model, fills its cache and prints by how many bytes it grew.

A model and its load options are JSON on standard input. Buffers are counted when they are
written to, so only a full cache shows what a model takes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from jupyter_llm.engines.llama_cpp.batch import Batch
from jupyter_llm.engines.llama_cpp.bindings import load_bindings
from jupyter_llm.engines.llama_cpp.prompts import Prompts
from jupyter_llm.engines.llama_cpp.runtime import Runtime
from jupyter_llm.types import LoadOptions, Model

ORDINARY_TOKENS = range(300, 1300)


def main() -> None:
    """Measure, print and end without tidying up."""
    model, options = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[Model, LoadOptions])
    load_bindings()
    before = resident_bytes()
    runtime = Runtime(model, options, lambda _part: True)
    Prompts(runtime)
    fill(runtime)
    sys.stdout.write(f"{resident_bytes() - before}\n")
    sys.stdout.flush()
    os._exit(0)


def fill(runtime: Runtime) -> None:
    """Read prompts until every cell of the cache is taken."""
    options = runtime.options
    batch = Batch(runtime.llama, options.batch_size)
    for sequence_id in range(options.num_kv_cells // options.context_length):
        for position in range(0, options.context_length, options.batch_size):
            length = min(options.batch_size, options.context_length - position)
            batch.clear()
            batch.add(ORDINARY_TOKENS[:length], position, sequence_id, logits=True)
            code = runtime.llama.llama_decode(runtime.context, batch.struct)
            if code:
                raise RuntimeError(f"llama.cpp could not fill the cache ({code}).")


def resident_bytes() -> int:
    """Memory of this process; what it shares with others counts in parts (proc(5), Pss)."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("This kernel does not tell the memory of a process.")


if __name__ == "__main__":
    main()
