from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "hub"))

from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = Path(__file__).parent / "schemathesis_cases.py"
SHORT = "--LLMExtension.default_max_tokens=8"


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """A server of its own, for its models come and go; with a Hub that is near."""
    with Hub() as hub:
        hub.add("Qwen/Qwen3-0.6B-GGUF", {"qwen-Q8_0.gguf": b"abc"})
        with LiveServer(SHORT, env={"HF_ENDPOINT": hub.url}) as server:
            yield server


@pytest.mark.timeout(600)
def test_a_sample_of_all_answers_is_as_described(server: LiveServer) -> None:
    try_out(server, one_in=20, max_examples=10)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_is_as_described(server: LiveServer) -> None:
    try_out(server, one_in=1, max_examples=200)


def try_out(server: LiveServer, *, one_in: int, max_examples: int) -> None:
    """Send a part of the cases that the description gives rise to, and more at random."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", CASES, "-q", "--override-ini=timeout=0"],
        env={
            **os.environ,
            "CASES_URL": server.url,
            "CASES_TOKEN": server.token,
            "CASES_ONE_IN": str(one_in),
            "CASES_MAX_EXAMPLES": str(max_examples),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(re.findall(r"(\d+) passed", ran.stdout)[0]) > 30
    assert "Unforeseen error" not in server.log
    assert "Uncaught exception" not in server.log
