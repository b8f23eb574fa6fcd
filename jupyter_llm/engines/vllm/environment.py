"""The environment that vLLM reads its settings from, and writes others into.

It is put back as it was: notebook kernels that this process starts later would otherwise
load vLLM's libraries before their own.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_ONE_AT_A_TIME = threading.Lock()

_ALWAYS = {
    "HF_HUB_OFFLINE": "1",  # the model lies on the disk
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # this process has threads
}

_ON_PROCESSOR = {
    # the first log-probabilities would wait for a compiler, for 15 seconds
    "TORCHDYNAMO_DISABLE": "1",
    # one process that computes, and not a second one to command it
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}


@contextmanager
def environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Change the environment of this process, and put it back afterwards."""
    with _ONE_AT_A_TIME:
        before = dict(os.environ)
        os.environ.update(changes)
        try:
            yield
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


def settings(folder: Path, *, num_threads: int, on_processor: bool) -> dict[str, str]:
    """What vLLM is to read; it writes its log into `folder`, and nothing to the terminal."""
    (folder / "logging.json").write_text(json.dumps(_logging(log_path(folder))))
    found = {**_ALWAYS, "VLLM_LOGGING_CONFIG_PATH": str(folder / "logging.json")}
    if on_processor:
        found |= {**_ON_PROCESSOR, "OMP_NUM_THREADS": str(num_threads)}
    return found


def log_path(folder: Path) -> Path:
    """Where vLLM's log is."""
    return folder / "vllm.log"


def _logging(path: Path) -> dict[str, object]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.FileHandler",
                "filename": str(path),
                "formatter": "plain",
                "delay": True,
            }
        },
        "loggers": {"vllm": {"handlers": ["file"], "level": "INFO", "propagate": False}},
    }
