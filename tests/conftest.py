"""Fixtures that any test may use: a live server, and the extension inside pytest's own process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from jupyter_server.serverapp import ServerApp
    from xdist.remote import Producer

# their modules share servers that take long to start
_WHOLE_FOLDERS = frozenset(("browser", "kernel", "services"))

pytest_plugins = ("pytest_jupyter.jupyter_server",)


class ModuleScheduling(LoadScopeScheduling):
    """Gives a process one module after the other, or a folder whose servers its modules share."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", 1)[0]
        folder = module.rsplit("/", 1)[0]
        return folder if folder.rpartition("/")[2] in _WHOLE_FOLDERS else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ModuleScheduling:
    return ModuleScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is given out whole, so that all processes end at about the same time."""
    items.sort(key=lambda item: item.path.parent.name not in _WHOLE_FOLDERS)


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
