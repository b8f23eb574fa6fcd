from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jupyter_llm.errors import EngineDiedError
from jupyter_llm.telemetry import collector, metrics

if TYPE_CHECKING:
    from conftest import Call
    from scripted import Script

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}
ECHO = {"model": "echo", "engine": "echo"}


async def scrape(call: Call) -> dict[str, float]:
    """Every sample of the one model, by name and further labels."""
    answer = await call("metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        name + "".join(f" {key}={value}" for key, value in labels.items() if key not in ECHO): value
        for family in text_string_to_metric_families(answer.body.decode())
        for name, labels, value, *_ in family.samples
        if labels.items() >= ECHO.items()
    }


@pytest.mark.parametrize(
    "name",
    [
        "requests_running",
        "requests_waiting",
        "slots",
        "kv_cells_used",
        "prompt_tokens_total",
        "generation_tokens_total",
        "time_to_first_token_seconds_count",
        "inter_token_latency_seconds_count",
        "model_load_seconds_count",
    ],
)
async def test_every_name_of_the_documentation_is_there(call: Call, name: str) -> None:
    await call("v1/chat/completions", CHAT)

    assert f"jupyter_llm_{name}" in await scrape(call)


async def test_tokens_and_latencies_are_counted(call: Call) -> None:
    for _ in range(3):
        await call("v1/chat/completions", CHAT)
    found = await scrape(call)

    assert found["jupyter_llm_generation_tokens_total"] == 6
    assert found["jupyter_llm_prompt_tokens_total"] == 6
    assert found["jupyter_llm_time_to_first_token_seconds_count"] == 3
    assert found["jupyter_llm_inter_token_latency_seconds_count"] == 3
    assert found["jupyter_llm_requests_total outcome=stop"] == 3
    assert found["jupyter_llm_model_load_seconds_count"] == 1
    assert found["jupyter_llm_model_ready"] == 1


async def test_running_requests_are_seen_while_they_run(script: Script, call: Call) -> None:
    import asyncio

    script.decode.clear()
    request = asyncio.ensure_future(call("v1/chat/completions", CHAT))
    await script.until_running(1)
    assert (await scrape(call))["jupyter_llm_requests_running"] == 1

    script.decode.set()
    await request
    assert (await scrape(call))["jupyter_llm_requests_running"] == 0


async def test_requests_that_fail_are_counted_by_their_error(script: Script, call: Call) -> None:
    script.error = EngineDiedError("It stopped.")
    await call("v1/chat/completions", CHAT)

    assert (await scrape(call))["jupyter_llm_requests_total outcome=engine_died"] == 1


async def test_no_name_has_another_engines_name_in_it(call: Call) -> None:
    # vLLM unregisters every collector whose name holds its own
    await call("v1/chat/completions", CHAT)

    assert b"vllm" not in (await call("metrics")).body


def test_the_modules_can_be_imported_twice() -> None:
    importlib.reload(collector)
    importlib.reload(metrics)

    assert metrics.Metrics(tuple).render(lambda _: True)
    assert metrics.Metrics(tuple).render(lambda _: True)
