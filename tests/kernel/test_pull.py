"""From a Hub into a notebook: search, pull, load and ask, over a real server and kernel."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from live import LiveServer
from live_kernel import LiveKernel

from jupyter_llm.cli import main
from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "hub"))

from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = "jupyter-llm/guide-GGUF"
FILE = "small-guide-F16.gguf"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as server:
        server.add(REPO, {FILE: GUIDE_PATH.read_bytes(), "README.md": b"# guide"})
        server.add("jupyter-llm/closed-GGUF", {"closed.gguf": b"x"}, gated=True)
        yield server


@pytest.fixture(scope="module")
def server(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("models")
    options = f"--LLMExtension.models_dir={folder}"
    with LiveServer(options, env={"HF_ENDPOINT": hub.url}) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(server: LiveServer) -> Iterator[LiveKernel]:
    with LiveKernel(server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        yield kernel


def test_a_model_is_found_pulled_loaded_and_asked_in_a_notebook(kernel: LiveKernel) -> None:
    assert REPO in kernel.ok("%llm search guide").markdown
    assert "The Hub has no GGUF model" in kernel.ok("%llm search nothing like it").markdown
    offers = kernel.ok(f"%llm search {REPO}").markdown
    assert "F16" in offers
    assert "fits" in offers
    pulled = kernel.ok(f"%llm pull {REPO}").markdown
    assert "%llm load small-guide-F16" in pulled
    kernel.ok("%llm load small-guide-F16")
    answer = kernel.ok("%%llm -m small-guide-F16 --temperature 0\nHow do I load a model?").markdown
    assert "%llm load" in answer


def test_a_gated_model_is_told_with_what_to_do(kernel: LiveKernel) -> None:
    failed = kernel.run("%llm pull jupyter-llm/closed-GGUF")
    assert failed.error is not None
    assert "HF_TOKEN" in failed.error.evalue


def test_a_terminal_pulls_too(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTER_LLM_API_KEY", server.token)
    assert main(["pull", "--url", server.url, f"{REPO}:F16"]) == 0
    assert capsys.readouterr().out.strip().endswith(FILE)
    assert main(["search", "--url", server.url, "closed"]) == 0
    assert "gated" in capsys.readouterr().out


def test_a_single_model_servers_way_downloads_and_then_loads(server: LiveServer) -> None:
    body = {"repo_id": REPO, "filename": FILE}
    downloaded = server.json("load", body)
    assert downloaded["status"] == "downloaded"
    assert downloaded["path"].endswith(FILE)
    assert server.json("reload", {"model_path": downloaded["path"]})["status"] == "ready"
    assert server.json("load", {**body, "load": True})["status"] == "ready"


def test_downloads_are_listed(server: LiveServer) -> None:
    server.json("load", {"repo_id": REPO, "filename": FILE})
    (download,) = [
        item for item in server.json("api/admin/downloads")["downloads"] if item["repo_id"] == REPO
    ]
    assert download["state"] == "done"
    assert server.json(f"api/admin/downloads/{download['id']}") == download
