"""A download whose process is killed again and again."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from hub_server import Hub

NUM_KILLS = 10
REPO = "org/big-GGUF"
CHILD = """
import asyncio, sys
from pathlib import Path
from jupyter_llm.library.hub.downloads import Downloads
from jupyter_llm.library.hub.pull import Puller
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.downloads import DownloadRecords

async def memory():
    return 1 << 40

async def main():
    folder = Path(sys.argv[1])
    registry = Registry(f"sqlite:///{folder / '.registry.sqlite3'}")
    records = DownloadRecords(registry, folder)
    downloads = Downloads(folder, records=records, on_event=lambda download: None)
    await downloads.start()
    begun = await Puller(downloads, memory).pull(sys.argv[2])
    print("begun", flush=True)
    await downloads.wait(begun.id)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "size_bytes", [40_000_000, pytest.param(200_000_000, marks=pytest.mark.slow)]
)
def test_a_download_that_is_killed_ten_times_ends_whole(
    hub: Hub, tmp_path: Path, size_bytes: int
) -> None:
    rng = random.Random(3)
    content = rng.randbytes(size_bytes)
    hub.add(REPO, {"big.gguf": content})
    hub.bytes_per_s = size_bytes / 10
    for _ in range(NUM_KILLS):
        with _downloading(hub, tmp_path) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"begun\n"
            time.sleep(rng.uniform(0.0, 0.9))
            child.kill()
        assert not _target(tmp_path).exists()
    hub.bytes_per_s = 0.0
    with _downloading(hub, tmp_path) as child:
        assert child.wait(60) == 0
    assert (
        hashlib.sha256(_target(tmp_path).read_bytes()).digest() == hashlib.sha256(content).digest()
    )
    assert hub.num_bytes <= 1.2 * size_bytes


def _target(folder: Path) -> Path:
    return folder / "org" / "big-GGUF" / "big.gguf"


def _downloading(hub: Hub, folder: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", CHILD, str(folder), REPO]
    environment = {**os.environ, "HF_ENDPOINT": hub.url}
    return subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment)
