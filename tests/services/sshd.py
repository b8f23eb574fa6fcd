"""A real OpenSSH server on loopback, with keys of its own, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_STARTED_S = 20.0


def require_sshd() -> str:
    """The program, or an end of the test that says how to get it."""
    if PROGRAM is None:
        assert "CI" not in os.environ, "apt-get install openssh-server"
        pytest.skip("there is no sshd: apt-get install openssh-server")
    return PROGRAM


class Sshd:
    """The server, in `folder`; `config` is an OpenSSH configuration in which it is `login`.

    `env` is what commands find in their environment, `options` are further lines for the server,
    and `prefix` goes before its command: with it the server may run in another network.
    """

    def __init__(
        self,
        folder: Path,
        *,
        address: str = "127.0.0.1",
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.address = address
        self.port = _free_port()
        self.config = folder / "config"
        self._env = dict(env or {})
        self._options = options
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._write()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Listen at the port, again if need be."""
        if os.geteuid() == 0:
            # where it puts itself while nobody is logged in
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        (self.folder / "log").write_text("")
        files = ["-f", str(self.folder / "sshd_config"), "-E", str(self.folder / "log")]
        self._process = subprocess.Popen(
            [*self._prefix, require_sshd(), "-D", *files],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _STARTED_S
        while "listening" not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        """Take no more connections, and end those there are."""
        if self._process is None:
            return
        sessions = self.sessions()
        self._process.terminate()
        self._process.wait()
        self._process = None
        for session in sessions:
            with contextlib.suppress(psutil.NoSuchProcess):
                session.kill()

    def sessions(self) -> list[psutil.Process]:
        """The processes that serve connections, and what they have started."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def freeze(self) -> None:
        """Let all connections fall silent, as a network does that loses everything."""
        for session in self.sessions():
            # one of an earlier connection may end just now
            with contextlib.suppress(psutil.NoSuchProcess):
                session.send_signal(signal.SIGSTOP)

    def make_key(self, name: str) -> None:
        """Make a pair of keys, in place of an older one."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def _write(self) -> None:
        require_sshd()
        for name in ("host_key", "id"):
            self.make_key(name)
        shutil.copy(self.folder / "id.pub", self.folder / "authorized_keys")
        public = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"[{self.address}]:{self.port} {public}\n")
        env = " ".join(f'{name}="{value}"' for name, value in self._env.items())
        lines = [
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            f"HostKey {self.folder}/host_key",
            f"PidFile {self.folder}/pid",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            *([f"SetEnv {env}"] if env else []),
            *self._options,
        ]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        self.config.write_text(self._entry("login") + self._entry("behind", "ProxyJump login"))

    def _entry(self, name: str, *lines: str) -> str:
        return (
            "\n    ".join(
                [
                    f"Host {name}",
                    f"HostName {self.address}",
                    f"Port {self.port}",
                    f"IdentityFile {self.folder}/id",
                    f"UserKnownHostsFile {self.folder}/known_hosts",
                    *lines,
                ]
            )
            + "\n"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
