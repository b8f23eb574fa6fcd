from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.hardware.ledger import Ledger
from jupyter_llm.hardware.page import MAX_PAGE_BYTES, SUFFIX, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Page(pid=1, held={"cpu": 10})
HOLD = """
import sys, time, pathlib
from jupyter_llm.hardware.ledger import Ledger
from jupyter_llm.hardware.page import Page
ledger = Ledger(pathlib.Path(sys.argv[1]))
with ledger.turn() as turn:
    turn.write(Page(pid=7, held={"cpu": 70}))
    IN_TURN
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def other_server(folder: Path, in_turn: str = "pass") -> subprocess.Popen[bytes]:
    """Another process with a page of its own; it says when it has written it."""
    command = [sys.executable, "-c", HOLD.replace("IN_TURN", in_turn), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with other_server(folder) as process:
        yield process
        process.kill()


def held(ledger: Ledger) -> list[int]:
    with ledger.turn() as turn:
        return sorted(one.page.held.get("cpu", 0) for one in turn.neighbours())


def write(ledger: Ledger, page: Page = PAGE) -> None:
    with ledger.turn() as turn:
        turn.write(page)


def test_servers_see_each_other_and_not_themselves(
    folder: Path, other: subprocess.Popen[bytes]
) -> None:
    ledger = Ledger(folder)
    write(ledger)
    assert held(ledger) == [70]
    assert sorted(one.page.pid for one in Ledger(folder).neighbours()) == [1, 7]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_was_killed_holds_nothing_and_leaves_no_file(
    folder: Path, other: subprocess.Popen[bytes], how: signal.Signals
) -> None:
    ledger = Ledger(folder)
    assert held(ledger) == [70]
    other.send_signal(how)
    other.wait()
    assert held(ledger) == []
    assert list(folder.iterdir()) == []


def test_a_server_that_dies_in_its_turn_blocks_nobody(folder: Path) -> None:
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with other_server(folder, in_turn=dies) as process:
        process.wait()
    before = time.monotonic()
    assert held(Ledger(folder, timeout_s=30)) == []
    assert time.monotonic() - before < 15


def test_a_lock_that_somebody_keeps_is_passed_over(
    folder: Path, other: subprocess.Popen[bytes]
) -> None:
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert held(Ledger(folder, timeout_s=0.05)) == [70]
    finally:
        os.close(lock)


def test_what_is_written_later_counts_alone_also_if_it_is_shorter(folder: Path) -> None:
    ledger = Ledger(folder)
    write(ledger, Page(pid=1, held={"cpu": 1 << 40, "GPU-with-a-long-name": 1 << 40}))
    write(ledger, Page(pid=1, held={"cpu": 3}))
    assert [one.page for one in Ledger(folder).neighbours()] == [Page(pid=1, held={"cpu": 3})]


def test_a_page_that_a_cleaner_removed_is_written_again(folder: Path) -> None:
    ledger = Ledger(folder)
    write(ledger)
    for file in folder.iterdir():
        file.unlink()
    write(ledger)
    assert held(Ledger(folder)) == [10]


def test_a_closed_ledger_leaves_nothing(folder: Path) -> None:
    ledger = Ledger(folder)
    write(ledger)
    ledger.close()
    assert list(folder.iterdir()) == []


def hostile_files(folder: Path) -> Iterator[str]:
    """What a user could put there to hurt others; each is kept locked, as a living server's."""
    outside = folder.parent / "outside"
    outside.write_text('{"pid":1,"held":{"cpu":99}}\n')
    (folder / f"link{SUFFIX}").symlink_to(outside)
    (folder / f"dangling{SUFFIX}").symlink_to("nowhere")
    os.mkfifo(folder / f"pipe{SUFFIX}")
    (folder / f"folder{SUFFIX}").mkdir()
    for name, content in {
        "negative": b'{"pid":1,"held":{},"unseen":{"cpu":-1000000}}\n',
        "huge": b'{"pid":1,"unseen":{"cpu":99999999999999999999999999}}\n',
        "text": b'{"pid":1,"unseen":{"cpu":"many"}}\n',
        "list": b"[]\n",
        "nested": b"[" * (MAX_PAGE_BYTES - 1) + b"\n",
        "endless": b" " * (4 * MAX_PAGE_BYTES),
        "half": b'{"pid":1,"held":{"cpu":',
        "binary": bytes(range(256)),
        "empty": b"",
    }.items():
        (folder / f"{name}{SUFFIX}").write_bytes(content)
        yield f"{name}{SUFFIX}"


def test_nothing_that_others_write_breaks_a_server(
    folder: Path, other: subprocess.Popen[bytes]
) -> None:
    locked = []
    for name in hostile_files(folder):
        file = os.open(folder / name, os.O_RDONLY)
        fcntl.flock(file, fcntl.LOCK_EX)
        locked.append(file)
    before = time.monotonic()
    assert held(Ledger(folder)) == [70]
    assert time.monotonic() - before < 5
    for file in locked:
        os.close(file)


def test_only_files_of_a_ledger_are_ever_removed(folder: Path) -> None:
    ledger = Ledger(folder)
    write(ledger)
    ledger.close()
    (folder / "thesis.tex").write_text("Years of work.")
    (folder / f"left-over{SUFFIX}").touch()
    assert held(Ledger(folder)) == []
    assert [file.name for file in folder.iterdir()] == ["thesis.tex"]


def test_everybody_may_add_files_and_remove_only_their_own(folder: Path) -> None:
    write(Ledger(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    (page,) = folder.iterdir()
    assert stat.S_IMODE(page.stat().st_mode) == 0o644


def test_a_folder_where_all_may_remove_all_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match=r"chmod \+t"):
        write(Ledger(folder))


def test_a_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    folder.symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="ledger"):
        write(Ledger(folder))
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_page_counts_and_what_is_theirs_alone_does_not() -> None:
    """A server that runs as nobody, beside one that does not let itself be read."""
    with TemporaryDirectory(prefix="jupyter-llm-ledger-") as shared:
        Path(shared).chmod(0o755)
        check_with_another_user(Path(shared) / "ledger")


def check_with_another_user(folder: Path) -> None:
    own = Ledger(folder)
    write(own)
    script = """
import os, pathlib, sys
from jupyter_llm.hardware.ledger import Ledger
from jupyter_llm.hardware.page import Page
folder = pathlib.Path(sys.argv[1])
os.setgid(65534); os.setuid(65534)
secret = next(folder.iterdir())
ledger = Ledger(folder)
with ledger.turn() as turn:
    print([one.page.held for one in turn.neighbours()])
    turn.write(Page(pid=9, held={"cpu": 90}))
    try:
        secret.unlink()
    except PermissionError:
        print("kept")
print("done", flush=True)
sys.stdin.read()
"""
    (page,) = folder.iterdir()
    page.chmod(0o600)
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode().strip() for _ in range(3)]
        assert lines == ["[]", "kept", "done"]
        (neighbour,) = own.neighbours()
        assert (neighbour.user_id, neighbour.page.held) == (65534, {"cpu": 90})
        process.communicate()
