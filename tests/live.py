"""A real `jupyter server` with the extension, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from http.client import HTTPResponse

T = TypeVar("T")

TOKEN = "live-server-token"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

JUPYTER_SERVER = (sys.executable, "-m", "jupyter_server")

# extensions that come with JupyterLab and take most of a plain server's start
_OTHER_EXTENSIONS = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook_shim")

# what would lead the server, or a test's client, to somebody else's files or models
_FOREIGN_PREFIXES = (
    *("JUPYTER", "JPY_", "LLM_", "N_", "AUTO_", "MODEL", "IPYTHON", "HF_", "HUGGINGFACE_"),
    "XDG_CACHE_HOME",
)


class LiveServer:
    """Starts a server and stops it; HOME and all of Jupyter's folders are its own.

    Its port is a free one unless `port` names one. `options` are the server's command line,
    `env` is added to its environment. `token` of `None` leaves authentication to `options`.
    A plain server, which is what the default `command` starts, has no other extensions.
    """

    def __init__(
        self,
        *options: str,
        token: str | None = TOKEN,
        env: Mapping[str, str] | None = None,
        extension: bool = True,
        command: Sequence[str] = JUPYTER_SERVER,
        port: int = 0,
    ) -> None:
        self.token = token or ""
        self._options = options
        self._env = dict(env or {})
        self._extension = extension
        self._command = command
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._running().pid

    @property
    def log(self) -> str:
        """What the server has written to its output so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="jupyter-llm-live-", ignore_cleanup_errors=True)
        self.home = Path(self._folder.name)
        self._log_path = self.home / "server.log"
        self._write_config()
        try:
            self._start()
        except BaseException:
            self.stop()
            self._folder.cleanup()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self._folder.cleanup()

    def open(
        self,
        path: str,
        body: object = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> HTTPResponse:
        """Send a request to `path`, below `llm/` unless it begins with a slash.

        Errors of HTTP are responses too.
        """
        base = self.server_url.rstrip("/") if path.startswith("/") else f"{self.url}/"
        request = urllib.request.Request(  # noqa: S310
            base + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
        )
        try:
            response: HTTPResponse = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
        except urllib.error.HTTPError as error:
            return error  # type: ignore[return-value]  # an HTTPError reads like a response
        return response

    def json(self, path: str, body: object = None, **options: Any) -> Any:
        """The answer to a request as parsed JSON."""
        with self.open(path, body, **options) as response:
            return json.load(response)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int | None:
        """End the server and whatever it has started; returns its exit status.

        Raises:
            AssertionError: It did not end in time by itself.
        """
        process = self._process
        if process is None:
            return None
        process.send_signal(sig)
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"The server did not stop after {sig.name}:\n{self.log}") from None
        finally:
            _end_group(process)
            self._process = None

    def start_again(self) -> None:
        """Start the server that was stopped, where it was, with the same folders."""
        self._port = urlsplit(self.server_url).port or 0
        self._start()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process

    def _write_config(self) -> None:
        extensions = {"jupyter_llm": self._extension}
        if self._command == JUPYTER_SERVER:
            extensions |= dict.fromkeys(_OTHER_EXTENSIONS, False)
        config = {"ServerApp": {"jpserver_extensions": extensions}}
        folder = self.home / "config"
        folder.mkdir()
        (folder / "jupyter_server_config.json").write_text(json.dumps(config))

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN_PREFIXES)}
        return {
            **inherited,
            "HOME": str(self.home),
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "IPYTHONDIR": str(self.home / "ipython"),
            "JUPYTER_PLATFORM_DIRS": "1",
            **self._env,
        }

    def _argv(self) -> list[str]:
        notebooks = self.home / "notebooks"
        notebooks.mkdir(exist_ok=True)
        argv = [*self._command, "--no-browser", f"--ServerApp.port={self._port}"]
        argv.append(f"--ServerApp.root_dir={notebooks}")
        if self.token:
            argv.append(f"--IdentityProvider.token={self.token}")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            argv.append("--allow-root")
        return [*argv, *self._options]

    def _start(self) -> None:
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(  # its own group: its children end with it
                self._argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=self.home,
                start_new_session=True,
            )
        info = self._wait_for(self._server_info)
        self.server_url = f"http://127.0.0.1:{info['port']}{info['base_url']}"
        self.url = f"{self.server_url}llm"
        self._wait_for(self._is_answering)

    def _server_info(self) -> dict[str, Any] | None:
        path = self.home / "runtime" / f"jpserver-{self.pid}.json"
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            info: dict[str, Any] = json.loads(path.read_text())
            return info
        return None

    def _is_answering(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.server_url}api", timeout=5).close()  # noqa: S310
            return True
        return False

    def _wait_for(self, ready: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._running().poll() is None:
            if found := ready():
                return found
            time.sleep(0.05)
        raise AssertionError(f"The server did not start:\n{self.log}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the server's process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
