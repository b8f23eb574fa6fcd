from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from api_cases import check, schema
from hypothesis import HealthCheck, Phase, settings
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "hub"))

from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    import schemathesis

SHORT = "--LLMExtension.default_max_tokens=8"

pytestmark = pytest.mark.timeout(600)

UNHURRIED = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """A server of its own, for its models come and go; with a Hub that is near."""
    with Hub() as hub:
        hub.add("Qwen/Qwen3-0.6B-GGUF", {"qwen-Q8_0.gguf": b"abc"})
        with LiveServer(SHORT, env={"HF_ENDPOINT": hub.url}) as server:
            yield server
            assert "Unforeseen error" not in server.log
            assert "Uncaught exception" not in server.log


@schema.parametrize()
@settings(UNHURRIED, max_examples=5)
def test_every_answer_is_as_described(case: schemathesis.Case, server: LiveServer) -> None:
    check(case, server)


@pytest.mark.slow
@schema.parametrize()
@settings(UNHURRIED, max_examples=200)
def test_many_more_answers_are_as_described(case: schemathesis.Case, server: LiveServer) -> None:
    check(case, server)
