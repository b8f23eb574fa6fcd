"""Fixtures that any test may use: a live server, and the extension inside pytest's own process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from jupyter_server.serverapp import ServerApp

pytest_plugins = ("pytest_jupyter.jupyter_server",)


def pytest_unconfigure() -> None:
    """Close what llama_cpp opens when it is imported, and never closes: Python tells at exit."""
    if llama_utils := sys.modules.get("llama_cpp._utils"):
        llama_utils.outnull_file.close()
        llama_utils.errnull_file.close()


@pytest.fixture(autouse=True)
def no_foreign_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in this account's Hugging Face cache is no concern of a test."""
    monkeypatch.setenv("HF_HUB_CACHE", "/nowhere/hub")


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """One server for every test that leaves it as it was."""
    with LiveServer() as server:
        yield server


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_llm": True, "jupyter_server_terminals": False},
            # an extension that fails to load must fail the test
            "reraise_server_extension_failures": True,
            "allow_unauthenticated_access": False,
        }
    }


@pytest.fixture
def llm_server(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop) -> ServerApp:
    """A server in this process, its extensions started as the server itself would."""
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    return jp_serverapp
