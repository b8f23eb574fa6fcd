"""A server that fetches its default model when it starts."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "hub"))

from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO = "jupyter-llm/guide-GGUF"
FILE = "small-guide-F16.gguf"
ASK = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
LONGEST_WAIT_S = 60.0


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.add(REPO, {FILE: GUIDE_PATH.read_bytes()})
        yield hub


def environment(hub_url: str, models_dir: Path, **more: str) -> dict[str, str]:
    """What a user of this folder sets, whose data stay from server to server."""
    data = str(models_dir / ".data")
    own = {"HF_ENDPOINT": hub_url, "MODELS_DIR": str(models_dir), "JUPYTER_DATA_DIR": data}
    return {**own, "AUTO_REPO_ID": REPO, **more}


def health(server: LiveServer, *, until: str) -> dict[str, Any]:
    """What the server says of itself once it says `until`."""
    end = time.monotonic() + LONGEST_WAIT_S
    while until not in str(found := server.json("health")):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return dict(found)


def test_it_is_downloaded_and_answers_and_the_next_server_needs_no_hub(
    hub: Hub, tmp_path: Path
) -> None:
    with LiveServer(env=environment(hub.url, tmp_path, AUTO_FILENAME=FILE)) as server:
        found = health(server, until="small-guide-F16")
        assert (found["status"], found["default_model"]) == ("available", "small-guide-F16")
        assert not any("downloaded" in hint for hint in found["hints"])
        assert server.json("v1/chat/completions", ASK)["model"] == "small-guide-F16"

    offline = environment("http://127.0.0.1:9", tmp_path, AUTO_PRELOAD="true")
    with LiveServer(env=offline) as server:
        found = health(server, until="'ready'")
        assert found["default_model"] == "small-guide-F16"


def test_without_the_hub_the_server_serves_what_it_has_and_says_why(tmp_path: Path) -> None:
    with LiveServer(env=environment("http://127.0.0.1:9", tmp_path)) as server:
        found = health(server, until="The default model is not there")
        assert found["default_model"] == "guide"
        assert server.json("v1/chat/completions", ASK)["model"] == "guide"


def test_nothing_is_downloaded_where_that_is_switched_off(hub: Hub, tmp_path: Path) -> None:
    switched_off = environment(hub.url, tmp_path, AUTO_IF_MISSING="false")
    with LiveServer(env=switched_off) as server:
        assert server.json("health")["default_model"] == "guide"
    assert not hub.tokens
