"""`%llm service` and `jupyter llm service`, with services that are processes of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.cli import main
from jupyter_llm.client import services
from jupyter_llm.client.discovery import API_KEY
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from live import LiveServer
    from live_kernel import LiveKernel

    from jupyter_llm.client import Client

RECIPE = "inference/llama-cpp-single-node"


@pytest.fixture
def none_left(client: Client) -> Iterator[None]:
    """Whatever a test has started is stopped behind it."""
    yield
    for service in client.do(services.services()):
        if not service.state.is_final:
            client.do(services.stop(service.id))


def started_id(text: str) -> str:
    found = re.search(rf"(\S+) \({RECIPE}\)", text)
    assert found, text
    return found[1]


@pytest.mark.usefixtures("none_left")
def test_a_service_is_started_asked_and_stopped_in_a_notebook(
    kernel: LiveKernel, client: Client
) -> None:
    assert f"| {RECIPE} | inference |" in kernel.ok("%llm service recipes").markdown

    shown = kernel.ok(f"%llm service start {RECIPE} --model echo --gpus none --wait").markdown
    service_id = started_id(shown)
    service = client.do(services.service(service_id))
    assert service.state is ServiceState.RUNNING
    assert f"ask it as {service.model}" in shown

    listed = kernel.ok("%llm service ls").markdown
    assert f"| {service_id} | {RECIPE} | running |" in listed
    status = kernel.ok(f"%llm service status {service_id}").markdown
    assert f"| {service.replicas[0].id} |" in status
    logs = kernel.ok(f"%llm service logs {service_id}")
    assert "[service]" in logs.printed

    assert "is cancelled" in kernel.ok(f"%llm service stop {service_id}").markdown
    assert f"| {service_id} | {RECIPE} | cancelled |" in kernel.ok("%llm service ls").markdown


@pytest.mark.usefixtures("none_left")
def test_the_command_line_does_the_same(
    live_server: LiveServer,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(API_KEY, live_server.token)
    at = ["--url", live_server.url]

    assert main(["service", "start", RECIPE, "--model", "echo", "--time", "5", *at]) == 0
    made = capsys.readouterr()
    service_id = made.out.strip()
    assert started_id(made.err) == service_id
    assert client.do(services.service(service_id)).time_limit_s == 300

    assert main(["service", "ls", *at]) == 0
    assert service_id in capsys.readouterr().out
    assert main(["service", "stop", service_id, *at]) == 0
    assert "cancelled" in capsys.readouterr().out
    assert main(["service", "logs", service_id, "--follow", *at]) == 0
    assert main(["service", "status", service_id, *at]) == 0
    assert "is cancelled" in capsys.readouterr().out


def test_what_cannot_be_met_is_said_before_anything_starts(kernel: LiveKernel) -> None:
    wrong = kernel.run(f"%llm service start {RECIPE} --env LD_PRELOAD=x")
    assert wrong.reply["ename"] == "InvalidRequestError"
    assert "LD_PRELOAD" in wrong.reply["evalue"]
    absent = kernel.run("%llm service stop 0")
    assert absent.reply["ename"] == "ServiceNotFoundError"
    assert kernel.run("%llm service start x --env y").reply["ename"] == "UsageError"


def test_tab_completes_verbs_and_recipes(kernel: LiveKernel) -> None:
    def offered(line: str) -> set[str]:
        return set(kernel.complete(line, len(line))["matches"])

    assert {"recipes", "start", "ls", "status", "logs", "stop"} <= offered("%llm service ")
    assert RECIPE in offered("%llm service start inference/lla")
