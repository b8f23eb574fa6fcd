"""Commands on this machine: bounded, killed as a group, and never read by a shell."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

import pytest

from jupyter_llm.errors import ClusterError
from jupyter_llm.services.shell import LocalShell

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")


def test_a_command_gets_its_words_as_they_are() -> None:
    words = ["a b", "$(id)", "`id`", "'", '"', "a\nb", "*"]
    done = asyncio.run(LocalShell().run(["printf", "%s\\0", *words], timeout_s=20))
    assert done.returncode == 0
    assert done.stdout.decode().split("\0")[:-1] == words


def test_standard_input_and_environment_reach_the_command() -> None:
    shell = LocalShell({"JUPYTER_LLM_TEST": "seen"})
    argv = ["sh", "-c", 'cat; printf "%s" "$JUPYTER_LLM_TEST" >&2; exit 3']
    done = asyncio.run(shell.run(argv, stdin=b"in\x00put", timeout_s=20))
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in\x00put", b"seen")
    assert done.message == "seen"


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = 'sleep 600 & echo $! > "$1"; wait'
    with pytest.raises(ClusterError, match=r"sh did not end within .* s"):
        asyncio.run(LocalShell().run(["sh", "-c", script, "sh", str(pid_file)], timeout_s=2))
    assert not is_alive(int(pid_file.read_text()))


def is_alive(pid: int) -> bool:
    """Whether it runs; one that nobody reaps does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_caller_that_leaves_ends_the_command() -> None:
    async def leave() -> None:
        running = asyncio.create_task(LocalShell().run(["sleep", "600"], timeout_s=600))
        await asyncio.sleep(0.2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(leave())


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ClusterError, match="no-such-command could not be started"):
        asyncio.run(LocalShell().run(["no-such-command"], timeout_s=5))


def test_a_file_is_read_from_where_one_was(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"0123456789")
    shell = LocalShell()
    assert asyncio.run(shell.read(str(file), offset=4, max_bytes=3)) == b"456"
    assert asyncio.run(shell.read(str(file), offset=40, max_bytes=3)) == b""
    assert asyncio.run(shell.read(str(tmp_path / "none"), max_bytes=3)) == b""
    with pytest.raises(ClusterError, match="cannot be read"):
        asyncio.run(shell.read(str(tmp_path), max_bytes=3))


@pytest.mark.parametrize(
    ("host", "url"), [("gpu1", "http://gpu1:8001"), ("::1", "http://[::1]:8001")]
)
def test_a_port_of_this_machine_is_reached_without_detour(host: str, url: str) -> None:
    address = asyncio.run(LocalShell().reach(host, 8001))
    assert (address.url, address.socket) == (url, None)


def test_nothing_is_left_open_where_the_caller_leaves_before_its_pipes_end(tmp_path: Path) -> None:
    begun, script = tmp_path / "begun", 'sleep 600 & echo $! >"$1"; exit 0'

    async def main() -> None:
        shell = LocalShell()
        running = asyncio.create_task(
            shell.run(["sh", "-c", script, "sh", str(begun)], timeout_s=600)
        )
        while not await shell.read(str(begun), max_bytes=9):
            await asyncio.sleep(0.01)
        # the shell itself has ended, and what it has started holds its pipes
        await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(main())
    os.kill(int(begun.read_text()), signal.SIGKILL)
    gc.collect()
