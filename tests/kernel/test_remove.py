"""Models that are deleted, from a notebook and from a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engines.tiny_gguf import write_tiny_gguf
from live import LiveServer
from live_client import client_of
from live_kernel import LiveKernel

from jupyter_llm.cli import main
from jupyter_llm.client import Client
from jupyter_llm.client.removing import remove
from jupyter_llm.errors import InvalidRequestError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[LiveServer]:
    with LiveServer(f"--LLMExtension.models_dir={folder}") as server:
        yield server


@pytest.fixture
def tiny(folder: Path) -> Path:
    """A model that may be deleted."""
    path = folder / "tiny one.gguf"
    write_tiny_gguf(path)
    return path


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with client_of(server) as client:
        yield client


def test_a_notebook_deletes_with_consent_alone(server: LiveServer, tiny: Path) -> None:
    with LiveKernel(server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        kernel.ok('%llm load "tiny one"')
        unasked = kernel.run('%llm rm "tiny one"')
        assert unasked.error
        assert "--yes" in unasked.error.evalue
        assert tiny.exists()
        assert "tiny one is deleted" in kernel.ok('%llm rm "tiny one" --yes').markdown
        assert not tiny.exists()
        assert "No model is loaded" in kernel.ok("%llm ps").markdown
        gone = kernel.run('%llm rm "tiny one" --yes')
        assert gone.error
        assert "no model 'tiny one'" in gone.error.evalue


@pytest.mark.parametrize(
    ("answer", "goes"), [("y", True), ("Yes", True), ("", False), ("n", False)]
)
def test_whoever_is_asked_decides(client: Client, tiny: Path, answer: str, goes: bool) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    said = remove(client, "tiny one", ask)
    assert "tiny one" in asked[0]
    assert "kB" in asked[0]
    assert tiny.exists() is not goes
    assert ("is deleted" in said) is goes


@pytest.mark.parametrize("nobody", [EOFError, NotImplementedError])
def test_silence_is_no_consent(client: Client, tiny: Path, nobody: type[Exception]) -> None:
    def ask(_: str) -> str:
        raise nobody

    with pytest.raises(InvalidRequestError, match="--yes"):
        remove(client, "tiny one", ask)
    assert tiny.exists()


def test_a_terminal_deletes_too(
    server: LiveServer,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JUPYTER_LLM_API_KEY", server.token)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert main(["rm", "--url", server.url, "tiny one"]) == 0
    assert "stays" in capsys.readouterr().out
    assert main(["rm", "--url", server.url, "tiny one", "--yes"]) == 0
    assert not tiny.exists()
    assert main(["rm", "--url", server.url, "guide", "--yes"]) == 1
    assert "built in" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny")
def test_settings_are_read_and_changed_from_python(client: Client) -> None:
    changed = client.change_settings("tiny one", aliases=["gpt-4o"], options={"slots": 2})
    assert changed["aliases"] == ["gpt-4o"]
    assert client.settings("gpt-4o") == changed
    assert client.model("gpt-4o").model.id == "tiny one"
    assert client.change_settings("gpt-4o", aliases=None)["options"] == {"slots": 2}
    with pytest.raises(ModelNotFoundError):
        client.settings("gpt-4o")
