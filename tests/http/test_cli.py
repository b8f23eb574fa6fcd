from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer

from jupyter_llm.cli import main
from jupyter_llm.registry.keys import KeyStore

if TYPE_CHECKING:
    from pathlib import Path

    Captured = pytest.CaptureFixture[str]

LLM = (sys.executable, "-m", "jupyter_llm.cli")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    return tmp_path


class TestKeys:
    def test_are_made_listed_and_revoked(self, home: Path, capsys: Captured) -> None:
        assert main(["key", "create", "laptop"]) == 0
        made = capsys.readouterr()
        secret = made.out.strip()
        store = KeyStore(home / "jupyter_llm" / "api_keys.json")
        assert store.verify(secret)
        assert "shown once" in made.err

        assert main(["key", "ls"]) == 0
        listed = capsys.readouterr().out
        assert "laptop" in listed
        assert "until it is revoked" in listed
        assert secret not in listed

        assert main(["key", "revoke", "laptop"]) == 0
        assert store.verify(secret) is None

    @pytest.mark.usefixtures("home")
    def test_may_expire(self, capsys: Captured) -> None:
        main(["key", "create", "guest", "--expires-days", "1.5"])
        assert "UTC" in capsys.readouterr().err

    def test_may_be_for_some_things_alone(self, home: Path, capsys: Captured) -> None:
        limits = ["--requests-per-minute", "5", "--tokens-per-day", "900"]
        assert main(["key", "create", "app", "--scope", "execute", "--model", "a", *limits]) == 0
        key = KeyStore(home / "jupyter_llm" / "api_keys.json").verify(capsys.readouterr().out[:-1])
        assert key is not None
        assert (key.scopes, key.models) == (("execute",), ("a",))

        main(["key", "ls"])
        assert "execute  models a  5 requests a minute  900 tokens a day" in capsys.readouterr().out

    @pytest.mark.usefixtures("home")
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["create", "x", "--scope", "fly"], "no scope fly"),
            (["create", "x", "--expires-days", "0"], "longer than 0 days"),
            (["revoke", "ghost"], "no key named 'ghost'"),
        ],
    )
    def test_that_cannot_be_are_explained(
        self, capsys: Captured, arguments: list[str], message: str
    ) -> None:
        assert main(["key", *arguments]) == 1
        assert message in capsys.readouterr().err

    @pytest.mark.usefixtures("home")
    def test_are_not_made_under_jupyterhub(
        self, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")

        assert main(["key", "create", "laptop"]) == 1
        assert "/hub/token" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["key"], ["load"], ["nothing"], ["ls", "--nothing"]])
def test_what_is_no_command_is_explained(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: jupyter llm" in capsys.readouterr().err


def run(server: LiveServer, *arguments: str, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LLM, *arguments, "--url", server.url],
        env={**os.environ, "JUPYTER_LLM_API_KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_serve_starts_a_server_whose_models_are_seen_to_from_a_terminal() -> None:
    with LiveServer(command=(*LLM, "serve")) as server:
        token = server.token

        assert "echo" in run(server, "ls", key=token).stdout
        assert "echo" not in run(server, "ps", key=token).stdout
        assert "512" in run(server, "load", "echo", "--context-length=512", key=token).stdout
        assert "echo" in run(server, "ps", key=token).stdout
        assert "System memory" in run(server, "vram", key=token).stdout
        assert run(server, "unload", "echo", key=token).stdout == "echo is unloaded.\n"

        unknown = run(server, "load", "ecko", key=token)
        assert unknown.returncode == 1
        assert "echo" in unknown.stderr
        assert run(server, "ls", key="wrong").returncode == 1


def default_port_of_serve(options: list[str], env: dict[str, str]) -> Any:
    """The port that `jupyter llm serve` would take, without starting it."""
    code = (
        "import sys\nfrom jupyter_llm.app import LLMExtension\n"
        "server = LLMExtension.make_serverapp(**LLMExtension.server_options(sys.argv[1:]))\n"
        "server.parse_command_line(sys.argv[1:])\nprint(server.port)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *options],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    ("options", "env", "port"),
    [
        ([], {}, 8321),
        (["--port=9999"], {}, 9999),
        (["--ServerApp.port=9999"], {}, 9999),
        ([], {"JUPYTER_PORT": "9998"}, 9998),
        # Jupyter refuses a socket beside any port but its own default
        (["--sock=/tmp/x.sock"], {}, 8888),
    ],
)
def test_serve_has_a_port_of_its_own(options: list[str], env: dict[str, str], port: int) -> None:
    assert default_port_of_serve(options, env) == port
