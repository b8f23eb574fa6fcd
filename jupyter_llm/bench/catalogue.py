"""How long `GET /models` takes with hundreds of files in the models folder."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import gguf
import httpx
import numpy as np

from . import servers

NUM_FILES = 500
NUM_FOLDERS = 25
NUM_TOKENS = 32_000
NUM_CALLS = 20
TIMEOUT_S = 120.0


def measure(_model: Path, *, num_rounds: int) -> str:
    """Ask once with all headers unread and then again and again; returns a table in Markdown."""
    with TemporaryDirectory() as folder:
        _write_files(Path(folder))
        with servers.without_model(Path(folder)) as (url, _):
            headers = {"Authorization": f"Bearer {servers.TOKEN}"}
            with httpx.Client(headers=headers, timeout=TIMEOUT_S) as http:
                cold = _call_s(http, url)
                warm = [_call_s(http, url) for _ in range(NUM_CALLS * num_rounds)]
    worst, middle = 1000 * max(warm), 1000 * median(warm)
    return (
        f"| files | first call ms | then, median of {len(warm)} ms | the slowest ms |\n"
        "|---:|---:|---:|---:|\n"
        f"| {NUM_FILES} | {1000 * cold:.0f} | {middle:.0f} | {worst:.0f} |"
    )


def _call_s(http: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    answer = http.get(f"{url}/llm/models")
    taken_s = time.perf_counter() - began
    if len(answer.json()["available"]) < NUM_FILES:
        raise RuntimeError(f"The server lists too few models: {answer.text[:200]}")
    return taken_s


def _write_files(folder: Path) -> None:
    """Files with the header of a small model, a vocabulary in it, and hardly any weights."""
    first = folder / "first.gguf"
    writer = gguf.GGUFWriter(first, "llama")
    writer.add_context_length(8192)
    writer.add_block_count(32)
    writer.add_embedding_length(4096)
    writer.add_head_count(32)
    writer.add_head_count_kv(8)
    writer.add_token_list([f"token {number}" for number in range(NUM_TOKENS)])
    writer.add_token_scores([0.0] * NUM_TOKENS)
    for number in range(200):
        writer.add_tensor(f"blk.{number}.weight", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for number in range(NUM_FILES):
        place = folder / f"org-{number % NUM_FOLDERS}" / f"model-{number}-Q8_0.gguf"
        place.parent.mkdir(exist_ok=True)
        shutil.copy(first, place)
    first.unlink()
