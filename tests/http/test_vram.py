"""`GET /vram` of real servers beside a stand-in for the NVIDIA driver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from live import LiveServer
from nvml_standin import GIB, StandIn, compile_standin


@pytest.fixture
def standin(tmp_path: Path) -> StandIn:
    return compile_standin(tmp_path)


def test_gpus_are_told_with_who_holds_them(standin: StandIn, tmp_path: Path) -> None:
    standin.has(f"gpu GPU-a NVIDIA_H100 {80 * GIB} {9 * GIB}")
    ledger = f"--LLMExtension.ledger_dir={tmp_path / 'ledger'}"
    with LiveServer(ledger, env=standin.environment) as server:
        standin.has(
            f"gpu GPU-a NVIDIA_H100 {80 * GIB} {9 * GIB}", f"process {server.pid} {2 * GIB}"
        )
        server.json("load", {"model": "guide"})
        body = server.json("vram")
        assert body["hints"] == []
        gpu, ram = body["data"]
        assert (gpu["id"], gpu["name"], gpu["kind"]) == ("GPU-a", "NVIDIA H100", "cuda")
        assert (gpu["own_bytes"], gpu["others_bytes"]) == (2 * GIB, 7 * GIB)
        assert ram["id"] == "cpu"
        (own,) = body["servers"]
        assert own["pid"] == server.pid
        assert own["held"]["cpu"] == body["models"][0]["total_bytes"] > 0
        devices = server.json("api/health")["devices"]
        assert [device["id"] for device in devices] == ["GPU-a", "cpu"]


def test_two_servers_see_what_the_other_holds(tmp_path: Path) -> None:
    ledger = f"--LLMExtension.ledger_dir={tmp_path / 'ledger'}"
    with LiveServer(ledger) as first, LiveServer(ledger) as second:
        held = first.json("load", {"model": "guide"})["model"]["memory"]
        own, other = second.json("vram")["servers"]
        assert (own["is_own"], own["held"]) == (True, {})
        assert (other["pid"], other["is_own"]) == (first.pid, False)
        assert other["held"] == {"cpu": sum(held.values())}
        [ram] = [one for one in second.json("vram")["data"] if one["id"] == "cpu"]
        assert ram["other_servers_bytes"] == sum(held.values())
        first.stop()
        assert list((tmp_path / "ledger").iterdir()) == []


def test_a_broken_driver_is_said_and_hurts_nothing(standin: StandIn, tmp_path: Path) -> None:
    standin.has("init 18")
    with LiveServer(env=standin.environment) as server:
        assert [device["id"] for device in server.json("vram")["data"]] == ["cpu"]
        (hint,) = server.json("api/health")["device_hints"]
        assert "restart the machine" in hint


def test_a_load_that_is_refused_says_what_would_fit_and_that_does(tmp_path: Path) -> None:
    ledger = f"--LLMExtension.ledger_dir={tmp_path / 'ledger'}"
    with LiveServer(ledger) as server:
        memory = server.json("load", {"model": "guide"})["model"]["memory"]
    budget = sum(memory.values()) - memory["kv_cache_bytes"] // 4
    with LiveServer(ledger, f"--LLMExtension.memory_budget_bytes={budget}") as server:
        with server.open("load", {"model": "guide"}) as refused:
            error = json.load(refused)["error"]
        assert (refused.status, error["code"]) == (507, "insufficient_memory")
        assert error["need_bytes"] > error["free_bytes"] == budget
        assert error["suggestions"]
        for one in error["suggestions"]:
            assert one["need_bytes"] <= budget
            loaded = server.json("load", {"model": one["model"], **one["options"]})
            assert loaded["status"] == "ready"
            server.json("unload", {"model": one["model"]})
