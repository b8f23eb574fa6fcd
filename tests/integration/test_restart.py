"""What was decided and counted is there after a restart, and after a server was killed."""

from __future__ import annotations

import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

from live import LiveServer

COMPLETION = {"model": "gpt-4o", "prompt": "Hello", "max_tokens": 4, "ignore_eos": True}
SETTINGS = {
    "aliases": ["gpt-4o"],
    "options": {"context_length": 640, "slots": 3},
    "pinned": True,
    "keep_alive": "2h",
}
FLUSHED_WITHIN_S = 30.0


def server(folder: Path) -> LiveServer:
    return LiveServer(f"--LLMExtension.registry_url=sqlite:///{folder / 'registry.sqlite3'}")


def guide(live: LiveServer) -> dict[str, Any]:
    body: dict[str, Any] = live.json("api/admin/models/guide")
    return body


def test_settings_and_counts_survive_a_restart(tmp_path: Path) -> None:
    with server(tmp_path) as first:
        saved = first.json("api/admin/models/guide/settings", SETTINGS)
        for _ in range(2):
            first.json("v1/completions", COMPLETION)
        # what is counted last is written when the server stops
        assert first.stop() == 0

    with server(tmp_path) as second:
        known = guide(second)
        assert known["settings"] == saved
        assert known["settings"]["keep_alive_s"] == 7200
        assert known["usage"]["num_requests"] == 2
        assert known["usage"]["num_completion_tokens"] == 8
        loaded = second.json("load", {"model": "gpt-4o"})["model"]
        assert (loaded["stats"]["context_length"], loaded["stats"]["slots"]) == (640, 3)


def test_two_servers_share_a_registry_and_one_may_be_killed(tmp_path: Path) -> None:
    with server(tmp_path) as killed, server(tmp_path) as other:
        killed.json("api/admin/models/guide/settings", SETTINGS)
        for live in (killed, other):
            live.json("v1/completions", COMPLETION)
        deadline = time.monotonic() + FLUSHED_WITHIN_S
        while guide(other)["usage"]["num_requests"] < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        killed.stop(signal.SIGKILL)

        assert guide(other)["usage"]["num_completion_tokens"] == 8
        other.json("v1/completions", COMPLETION)
    with sqlite3.connect(tmp_path / "registry.sqlite3") as check:
        assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert check.execute("SELECT sum(num_requests) FROM llm_usage").fetchone() == (3,)
