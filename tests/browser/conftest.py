"""JupyterLab with the extension and its built panel, and a browser to look at it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe import AXE
from held_echo import Hold
from lab_page import find_browser
from live import LiveServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PANEL = Path(__file__).parents[2] / "jupyter_llm/labextension/package.json"
LAB = (sys.executable, "-m", "jupyterlab", "--expose-app-in-browser")
NOTIFICATION = "@jupyterlab/apputils-extension/notification"
PANEL_SETTINGS = "@jupyter-llm/labextension/panel"
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}


@pytest.fixture
def lab(shared_lab: LiveServer) -> Iterator[LiveServer]:
    """A JupyterLab that tests in a browser share; each finds it with nothing in memory."""
    yield shared_lab
    for status in shared_lab.json("models")["data"]:
        if status["state"] != "unloaded":
            shared_lab.json("unload", {"model": status["model"]["id"]})


@pytest.fixture(scope="session")
def shared_lab(new_lab: Callable[..., LiveServer]) -> Iterator[LiveServer]:
    """One JupyterLab for all, because its start takes long."""
    with new_lab() as server:
        yield server


@pytest.fixture(scope="session")
def new_lab(
    tmp_path_factory: pytest.TempPathFactory, browser_and_panel: None
) -> Callable[..., LiveServer]:
    """Makes a JupyterLab with settings of its own for the panel, yet to be started."""

    def make(
        *options: str, env: dict[str, Any] | None = None, settings: object = None
    ) -> LiveServer:
        folder = tmp_path_factory.mktemp("user-settings")
        for path, content in ((NOTIFICATION, NO_NEWS), (PANEL_SETTINGS, settings or {})):
            file = folder / f"{path}.jupyterlab-settings"
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(content))
        user = {"JUPYTERLAB_SETTINGS_DIR": str(folder)}
        return LiveServer(*options, command=LAB, env={**user, **(env or {})})

    return make


@pytest.fixture(scope="session")
def hold(tmp_path_factory: pytest.TempPathFactory) -> Hold:
    """Holds the answers of echo in the servers that have its environment."""
    return Hold(tmp_path_factory.mktemp("held") / "hold")


@pytest.fixture(scope="session")
def browser_and_panel() -> None:
    """Skip where they are missing; in CI that is a failure."""
    missing = []
    if find_browser() is None:
        missing.append("Chromium (apt-get install chromium)")
    if not PANEL.exists():
        missing.append("the built side panel (make panel, with Node.js 20 or later)")
    if not AXE.exists():
        missing.append("axe-core (jlpm install --immutable, in labextension)")
    if missing and os.environ.get("CI"):
        pytest.fail(f"needs {' and '.join(missing)}")
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
