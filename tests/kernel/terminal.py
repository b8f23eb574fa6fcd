"""A plain IPython in a pseudo-terminal, with the keys and the screen of a person."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pexpect

if TYPE_CHECKING:
    from live import LiveServer

TIMEOUT_S = 45.0
_IPYTHON = ("-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>78]|\r")
_PROMPT = r"In .*\[.*\d+.*\]"


class Terminal:
    """IPython as a terminal of `server` starts it; `simple` has no colours and no Tab."""

    def __init__(self, server: LiveServer, *options: str) -> None:
        self._server = server
        self._options = options

    def __enter__(self) -> Self:
        home = str(self._server.home)
        env = {
            **os.environ,
            "HOME": home,
            "IPYTHONDIR": str(Path(home) / "ipython-terminal"),
            "JUPYTER_LLM_BASE_URL": f"{self._server.url}/",
            "JUPYTER_LLM_API_KEY": self._server.token,
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "TERM": "xterm",
            "COLUMNS": "120",
            "LINES": "50",
        }
        self._child = pexpect.spawn(
            sys.executable,
            [*_IPYTHON, *self._options],
            env=env,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            dimensions=(50, 120),
        )
        self.expect(_PROMPT)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close(force=True)

    def keys(self, text: str) -> None:
        """Press keys."""
        self._child.send(text)

    def complete(self, typed: str, rest: str) -> None:
        """Type, and press Tab until `rest` is behind it: a busy machine drops the first."""
        self.keys(typed)
        for _ in range(4):
            self.keys("\t")
            if self._child.expect([rest, pexpect.TIMEOUT], timeout=TIMEOUT_S / 4) == 0:
                return
        raise AssertionError(f"Tab wrote no {rest} behind {typed}: {self._child.before}")

    def run(self, line: str, until: str) -> str:
        """Type a line and read on until something shows."""
        self.keys(f"{line}\r")
        return self.expect(until)

    def expect(self, pattern: str) -> str:
        """What has shown until `pattern` did, and that, without colours."""
        self._child.expect(pattern)
        return _CONTROL.sub("", f"{self._child.before}{self._child.after}")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()
