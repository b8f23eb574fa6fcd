"""Client libraries that people use, each in an environment of its own, against a live server."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "engines"))

from tiny_bert import NUM_DIMENSIONS, write_tiny_bert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = pytest.mark.timeout(300)

TEXT = object()
ORDER = object()
VECTORS = [NUM_DIMENSIONS, NUM_DIMENSIONS]

# what each library is to do, and with what outcome; the first word is its environment
LIBRARIES: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": (
        "openai3",
        {
            "chat": TEXT,
            "stream": TEXT,
            "tools": ORDER,
            "streamed_tools": ORDER,
            "structured": ORDER,
            "embeddings": VECTORS,
            "embeddings_as_base64": VECTORS,
            "responses": TEXT,
            "streamed_responses": TEXT,
            "tools_of_responses": ORDER,
            "structured_responses": ORDER,
            "models": True,
        },
    ),
    "anthropic": (
        "openai3",
        {
            "chat": TEXT,
            "stream": TEXT,
            "tools": ORDER,
            "streamed_tools": ORDER,
            "structured": ORDER,
            "count_tokens": True,
            "with_a_bearer_token": TEXT,
        },
    ),
    "langchain": (
        "openai3",
        {
            "chat": TEXT,
            "stream": TEXT,
            "tools": ORDER,
            "streamed_tools": ORDER,
            "structured": ORDER,
            "structured_by_tool": ORDER,
            "embeddings": VECTORS,
        },
    ),
    "pydantic_ai": (
        "openai3",
        {
            "chat": TEXT,
            "stream": TEXT,
            "tools": ORDER,
            "structured": ORDER,
            "embeddings": VECTORS,
        },
    ),
    "instructor": (
        "openai2",
        {"chat": TEXT, "stream": ORDER, "tools": ORDER, "structured": ORDER},
    ),
    "litellm": (
        "openai2",
        {
            "chat": TEXT,
            "stream": TEXT,
            "tools": ORDER,
            "structured": ORDER,
            "embeddings": VECTORS,
        },
    ),
}
CASES = [(library, ability) for library, (_, all_) in LIBRARIES.items() for ability in all_]

Outcomes = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with a model that embeds beside the one that answers."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_bert(folder / "tiny-bert.gguf")
    with LiveServer(f"--LLMExtension.models_dir={folder}") as server:
        yield server


@pytest.fixture(scope="module")
def outside() -> Iterator[socket.socket]:
    """What the libraries take for the way into the world; it leads nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def outcomes(
    server: LiveServer, outside: socket.socket, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Outcomes]:
    """Runs a library's script, once, and gives what came of each ability."""

    @cache
    def run(library: str) -> Outcomes:
        file = tmp_path_factory.mktemp("outcomes") / library
        ran = subprocess.run(
            [python_of(LIBRARIES[library][0]), HERE / f"with_{library}.py", file],
            env=environment(server, outside),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        return {line.pop("ability"): line for line in lines}

    return run


def python_of(environment: str) -> Path:
    """The interpreter of an environment; without it the test is skipped, but in CI it fails."""
    python = ROOT / ".venv-clients" / environment / "bin" / "python"
    if not python.exists():
        missing = "needs the client libraries (make clients)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return python


def environment(server: LiveServer, outside: socket.socket) -> dict[str, str]:
    """Nothing of this account's, and no way to other hosts; LiteLLM would fetch prices."""
    proxy = f"http://127.0.0.1:{outside.getsockname()[1]}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(server.home),
        "CLIENT_BASE_URL": server.url,
        "CLIENT_API_KEY": server.token,
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        "ALL_PROXY": proxy,
        "NO_PROXY": "127.0.0.1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }


@pytest.mark.parametrize(("library", "ability"), CASES)
def test_a_library_does_with_this_server_what_it_does_with_others(
    library: str, ability: str, outcomes: Callable[[str], Outcomes], server: LiveServer
) -> None:
    came = outcomes(library)[ability]
    assert "error" not in came, came["error"]
    expected = LIBRARIES[library][1][ability]
    if expected is TEXT:
        assert came["outcome"] == answer_of(server)
    elif expected is ORDER:
        assert came["outcome"].keys() == {"command", "urgent"}
    else:
        assert came["outcome"] == expected


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_script_shows_all_that_is_expected_and_nothing_else(
    library: str, outcomes: Callable[[str], Outcomes]
) -> None:
    assert outcomes(library).keys() == LIBRARIES[library][1].keys()


def test_none_of_them_asked_another_host(
    outcomes: Callable[[str], Outcomes], outside: socket.socket
) -> None:
    for library in LIBRARIES:
        outcomes(library)
    with pytest.raises(BlockingIOError):
        outside.accept()


def test_the_versions_in_the_documentation_are_those_that_are_tested() -> None:
    page = (ROOT / "docs/how-to/use-an-openai-client.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([\w-]+).*?` ?.*?\| ([\d.]+) \|", page, re.MULTILINE))
    files = sorted(HERE.glob("requirements-*.txt"))
    pinned = {tuple(line.split("==")) for file in files for line in file.read_text().split()}

    assert len(documented) == len(LIBRARIES)
    assert documented <= pinned


def answer_of(server: LiveServer) -> str:
    """What the model answers, asked without a library."""
    body = {
        "model": "guide",
        "messages": [{"role": "user", "content": "What can you do?"}],
        "temperature": 0,
    }
    answer: str = server.json("v1/chat/completions", body)["choices"][0]["message"]["content"]
    return answer
