"""One live server for these tests, and one kernel of it, empty for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from live import LiveServer
from live_client import client_of
from live_kernel import LiveKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.client import Client


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """A server whose echo takes, and so gives, very long answers, and that starts processes."""
    with LiveServer(
        "--LLMExtension.context_length=1000000",
        "--LLMExtension.services_launcher=local",
        "--LLMExtension.services_poll_s=0.5",
    ) as server:
        yield server


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[Client]:
    """The server as seen from outside any kernel."""
    with client_of(live_server) as client:
        yield client


@pytest.fixture(scope="session")
def guide_server() -> Iterator[LiveServer]:
    """A server whose guide always takes the likeliest token."""
    with LiveServer("--LLMExtension.default_temperature=0") as server:
        yield server


@pytest.fixture
def guide_client(guide_server: LiveServer) -> Iterator[Client]:
    """That server as seen from outside any kernel."""
    with client_of(guide_server) as client:
        yield client


@pytest.fixture(scope="session")
def shared_kernel(live_server: LiveServer) -> Iterator[LiveKernel]:
    with LiveKernel(live_server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        yield kernel


@pytest.fixture
def kernel(shared_kernel: LiveKernel) -> LiveKernel:
    """A kernel with the extension loaded, no variables and no conversation."""
    shared_kernel.ok("%reset -f")
    shared_kernel.ok("%llm reset")
    return shared_kernel


@pytest.fixture(scope="session")
def shared_guide_kernel(guide_server: LiveServer) -> Iterator[LiveKernel]:
    with LiveKernel(guide_server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        yield kernel


@pytest.fixture
def guide_kernel(shared_guide_kernel: LiveKernel) -> LiveKernel:
    """The same as `kernel`, where the guide answers."""
    shared_guide_kernel.ok("%reset -f")
    shared_guide_kernel.ok("%llm reset")
    return shared_guide_kernel
