"""What `make run` prints works as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parent.parent / ".make/run.py"
OPTIONS = ("--no-browser", "--ServerApp.port=0")
LAST_LINE = "Stop with Ctrl-C."


@pytest.fixture(scope="module")
def welcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What is printed once a model is loaded; the server runs until the tests are done."""
    home = tmp_path_factory.mktemp("home")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY_"))}
    with subprocess.Popen(
        [sys.executable, SCRIPT, *OPTIONS],
        env={**inherited, "HOME": str(home), "JUPYTER_PLATFORM_DIRS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if LAST_LINE in line:
                break
        yield "".join(lines)
        process.terminate()
    assert process.returncode is not None


def test_the_built_in_model_is_loaded(welcome: str) -> None:
    assert 'the model "guide" is loaded' in welcome


def test_the_address_opens_jupyterlab(welcome: str) -> None:
    (address,) = re.findall(r"^ +(http\S+/lab/tree/\S+)$", welcome, re.MULTILINE)
    with urllib.request.urlopen(address, timeout=30) as page:  # noqa: S310
        assert "<title>JupyterLab</title>" in page.read().decode()


def test_the_cells_are_the_ones_of_the_magics(welcome: str) -> None:
    assert "%load_ext jupyter_llm\n" in welcome
    assert "%%llm\n" in welcome


def test_the_curl_command_streams_an_answer(welcome: str) -> None:
    command = welcome[welcome.index("curl -N") : welcome.index(LAST_LINE)]
    answer = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, timeout=60, check=True
    )
    assert '"content":' in answer.stdout
    assert answer.stdout.rstrip().endswith("data: [DONE]")
