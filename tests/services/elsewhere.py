"""A network of its own on this machine, of which nothing but an address is seen from here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSTALL = "apt-get install iproute2"


class Elsewhere:
    """A network namespace, joined to this one by a pair of interfaces.

    A command that begins with `prefix` runs there, and `address` is where it is reached from here.
    """

    def __init__(self) -> None:
        number = os.getpid() % 0x4000
        self.name = f"jllm{number}"
        net = f"10.{200 + (number >> 12)}.{(number >> 4) & 0xFF}"
        first = (number & 0xF) * 16
        self.address = f"{net}.{first + 2}"
        self._here = f"{net}.{first + 1}"
        self._inside, self._outside = f"jllmi{number}", f"jllmo{number}"

    @property
    def prefix(self) -> Sequence[str]:
        # not "ip netns exec", which gives the command another /sys
        return ("nsenter", f"--net=/var/run/netns/{self.name}")

    def __enter__(self) -> Self:
        _require_programs()
        made = _ip("netns", "add", self.name)
        if made.returncode:
            self._give_up(made.stderr)
        try:
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # the interfaces go with it
        _ip("netns", "del", self.name)

    def _join(self) -> None:
        inside, outside = self._inside, self._outside
        _done("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", self.name)
        _done("addr", "add", f"{self._here}/28", "dev", outside)
        _done("link", "set", outside, "up")
        _done("-n", self.name, "addr", "add", f"{self.address}/28", "dev", inside)
        _done("-n", self.name, "link", "set", inside, "up")
        _done("-n", self.name, "link", "set", "lo", "up")
        own = socket.gethostbyname(socket.gethostname())
        if not own.startswith("127."):
            # so that programs there find the name of this machine at home
            _done("-n", self.name, "addr", "add", f"{own}/32", "dev", "lo")

    def _give_up(self, reason: str) -> None:
        message = f"No network namespace can be made, which takes root's rights: {reason.strip()}"
        assert "CI" not in os.environ, message
        pytest.skip(message)


def _require_programs() -> None:
    if missing := [name for name in ("ip", "nsenter") if shutil.which(name) is None]:
        message = f"there is no {' and no '.join(missing)}: {_INSTALL}"
        assert "CI" not in os.environ, message
        pytest.skip(message)


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("ip") or "ip", *words], capture_output=True, text=True, check=False
    )


def _done(*words: str) -> None:
    result = _ip(*words)
    assert result.returncode == 0, f"ip {' '.join(words)}: {result.stderr}"
