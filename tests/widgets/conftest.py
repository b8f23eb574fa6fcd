"""A server whose models come from a Hub of our own, and a kernel with a page in front of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from live import LiveServer
from live_client import client_of

from jupyter_llm.guide import GUIDE_PATH

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "hub"), str(TESTS / "kernel")]

from front_end import FrontEnd  # noqa: E402  # found in the folders above
from hub_server import Hub  # noqa: E402
from live_kernel import LiveKernel  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.client import Client


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    with Hub() as server:
        server.add(
            "jupyter-llm/guide-GGUF",
            {"small-guide-F16.gguf": GUIDE_PATH.read_bytes()},
            downloads=20,
        )
        server.add("jupyter-llm/closed-guide-GGUF", {"closed.gguf": b"x"}, gated=True)
        yield server


@pytest.fixture(scope="session")
def live_server(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    options = (
        f"--LLMExtension.models_dir={tmp_path_factory.mktemp('models')}",
        "--LLMExtension.default_temperature=0",
    )
    with LiveServer(*options, env={"HF_ENDPOINT": hub.url}) as server:
        yield server


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[Client]:
    with client_of(live_server) as client:
        yield client


@pytest.fixture(scope="session")
def kernel(live_server: LiveServer) -> Iterator[LiveKernel]:
    with LiveKernel(live_server) as kernel:
        kernel.ok("from jupyter_llm.widgets import *")
        yield kernel


@pytest.fixture
def page(kernel: LiveKernel, client: Client) -> Iterator[FrontEnd]:
    """A page without widgets; after it, nothing goes on in the kernel or at the server."""
    page = FrontEnd(kernel)
    yield page
    page.run("import ipywidgets; ipywidgets.Widget.close_all()")
    page.run("import time; time.sleep(0.3)")
    alive = page.run("import threading; print(*(t.name for t in threading.enumerate()))")
    assert "llm-" not in alive
    assert not any(status.stats.num_running for status in client.loaded())
