"""Servers that are killed in the middle of whatever they do, and what the next one finds."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "hub"))

from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO = "org/models-GGUF"
NAMES = ("a", "b", "c")
NUM_KILLS = 6
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.add(REPO, {f"{name}.gguf": GUIDE_PATH.read_bytes() for name in NAMES})
        yield hub


def operate(server: LiveServer, rng: random.Random) -> None:
    """Do one thing after the other until the server is gone."""
    while True:
        name = rng.choice(NAMES)
        path, body = rng.choice(
            [
                ("load", {"model": name}),
                ("unload", {"model": name}),
                ("switch", {"model": name}),
                ("v1/chat/completions", {"model": name, "messages": MESSAGES, "max_tokens": 8}),
                ("api/admin/models/download", {"repo_id": REPO, "filename": f"{name}.gguf"}),
                (f"api/admin/models/{name}/settings", {"keep_alive": rng.randint(1, 9)}),
                (f"api/admin/models/{name}", None),
            ]
        )
        method = "DELETE" if body is None else "POST"
        server.open(path, body, method=method).read()


def kill_in_the_middle(server: LiveServer, rng: random.Random) -> None:
    def work(seed: int) -> None:
        with suppress(OSError):  # the server is gone, as it should be
            operate(server, random.Random(seed))

    threads = [threading.Thread(target=work, args=(rng.random(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(rng.uniform(0.2, 2.0))
    server.stop(signal.SIGKILL)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.slow
def test_the_next_server_finds_everything_whole(hub: Hub, tmp_path: Path) -> None:
    rng = random.Random(0)
    models, ledger, registry = (tmp_path / name for name in ("models", "ledger", "r.sqlite3"))
    options = (
        f"--LLMExtension.models_dir={models}",
        f"--LLMExtension.ledger_dir={ledger}",
        f"--LLMExtension.registry_url=sqlite:///{registry}",
        "--LLMExtension.isolation=process",
    )
    for _ in range(NUM_KILLS):
        with LiveServer(*options, env={"HF_ENDPOINT": hub.url}) as server:
            kill_in_the_middle(server, rng)
        check_files(models)
        check_registry(registry)
    with LiveServer(*options, env={"HF_ENDPOINT": hub.url}) as server:
        devices = server.json("vram")
        assert [one["is_own"] for one in devices["servers"]] == [True]
        for name in NAMES:
            server.json("load", {"repo_id": REPO, "filename": f"{name}.gguf", "load": True})
            body = {"model": name, "messages": MESSAGES, "max_tokens": 8}
            assert server.json("v1/chat/completions", body)["usage"]["completion_tokens"]
    shutil.rmtree(ledger)


def check_files(models: Path) -> None:
    """What has its final name is whole."""
    whole = GUIDE_PATH.read_bytes()
    for path in models.rglob("*.gguf"):
        assert path.read_bytes() == whole, path


def check_registry(path: Path) -> None:
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
