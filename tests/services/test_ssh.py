"""Commands, files and ports of another machine, through a real SSH server."""

from __future__ import annotations

import asyncio
import getpass
import shutil
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sshd import Sshd

from jupyter_llm.errors import ClusterError
from jupyter_llm.services.folder import Folders
from jupyter_llm.services.shell import Address
from jupyter_llm.services.ssh import SshSettings
from jupyter_llm.services.ssh_shell import SshShell


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd"), env={"CLUSTER": "mini"}) as server:
        yield server


@asynccontextmanager
async def shell_on(sshd: Sshd, host: str = "login", **settings: Any) -> AsyncIterator[SshShell]:
    shell = SshShell(SshSettings(host=host, config_file=str(sshd.config), **settings))
    try:
        yield shell
    finally:
        await shell.close()


@asynccontextmanager
async def http_server() -> AsyncIterator[int]:
    """A port that answers everything with `fine`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def get(address: Address) -> str:
    transport = httpx.AsyncHTTPTransport(uds=address.socket)
    async with httpx.AsyncClient(transport=transport, timeout=20) as client:
        return (await client.get(address.url)).text


def list_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def until(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_command_gets_its_words_and_its_input_as_they_are(sshd: Sshd) -> None:
    words = ["a b", "$(id)", "`id`", "'", '"', "a\nb", "*", "", ";id", "é"]
    async with shell_on(sshd) as shell:
        done = await shell.run(["printf", "%s\\0", *words], timeout_s=60)
        assert done.stdout.decode().split("\0")[:-1] == words
        script = 'cat; printf "%s" "$CLUSTER" >&2; exit 3'
        done = await shell.run(["sh", "-c", script], stdin=b"in\x00put", timeout_s=60)
        assert (done.returncode, done.stdout, done.stderr) == (3, b"in\x00put", b"mini")
        assert (await shell.run(["cat"], timeout_s=60)).stdout == b"", "the input has an end"
        with pytest.raises(ClusterError, match="NUL"):
            await shell.run(["a\0b"], timeout_s=60)
        missing = await shell.run(["no-such-program"], timeout_s=60)
        assert missing.returncode == 127


async def test_a_command_that_does_not_end_is_stopped(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    async with shell_on(sshd) as shell:
        await shell.run(["true"], timeout_s=60)
        script = 'echo $$ > "$1"; exec sleep 600'
        with pytest.raises(ClusterError, match=r"sh did not end on login within .* s"):
            await shell.run(["sh", "-c", script, "sh", str(path)], timeout_s=5)
        pid = int(path.read_text())
        await until(lambda: not Path(f"/proc/{pid}").exists() or is_dead(pid))


def is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].startswith("Z")


async def test_a_part_of_a_file_is_read(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "a 'log'"
    path.write_bytes(bytes(range(256)) * 100)
    async with shell_on(sshd) as shell:
        assert await shell.read(str(path), offset=254, max_bytes=4) == b"\xfe\xff\x00\x01"
        assert await shell.read(str(path), offset=25_600, max_bytes=4) == b""
        assert await shell.read(str(tmp_path / "none"), max_bytes=4) == b""
        with pytest.raises(ClusterError, match="cannot be read"):
            await shell.read(str(tmp_path), max_bytes=4)


async def test_a_port_is_a_socket_that_nobody_else_can_open(sshd: Sshd) -> None:
    async with http_server() as port, shell_on(sshd) as shell:
        address = await shell.reach("127.0.0.1", port)
        assert address.url == f"http://127.0.0.1:{port}"
        assert await shell.reach("127.0.0.1", port) == address
        path = Path(address.socket or "")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert await asyncio.gather(*(get(address) for _ in range(30))) == ["fine"] * 30
    assert not path.parent.exists()


async def test_a_socket_that_nobody_needs_is_closed_also_after_a_reconnection(sshd: Sshd) -> None:
    async with http_server() as port, http_server() as other, shell_on(sshd) as shell:
        address, kept = await shell.reach("127.0.0.1", port), await shell.reach("127.0.0.1", other)
        path, kept_path = Path(address.socket or ""), Path(kept.socket or "")
        lost = await shell._ssh.get()
        lost.abort()
        await lost.wait_closed()
        assert (await shell.run(["true"], timeout_s=60)).returncode == 0
        await shell.keep({("127.0.0.1", other)})
        assert path.name not in [each.name for each in list_of(path.parent)]
        with pytest.raises(httpx.HTTPError):
            await get(address)
        assert await get(kept) == "fine"
        # its name is not given to another
        again = await shell.reach("127.0.0.1", port)
        assert again.socket not in {address.socket, str(kept_path)}
        assert await get(again) == "fine"


async def test_folders_of_jobs_are_deleted_there(sshd: Sshd, tmp_path: Path) -> None:
    async with shell_on(sshd) as shell:
        folders = Folders(shell, str(tmp_path / "jobs"))
        made, left = await folders.path_of("slurm-0123456789ab"), await folders.path_of("other")
        for folder in (made, left):
            await folders.make(folder, "secret")
        assert await folders.remove(["slurm-0123456789ab", "other"]) == {"other"}
        assert [each.name for each in list_of(tmp_path / "jobs")] == ["other"]
        assert [each.name for each in list_of(Path(left))] == ["key"]


async def test_what_lies_behind_a_jump_host_is_reached(sshd: Sshd) -> None:
    async with shell_on(sshd, host="behind") as shell:
        assert (await shell.run(["echo", "there"], timeout_s=60)).stdout == b"there\n"
    assert sshd.log.count("Accepted publickey") >= 2


@pytest.fixture
def agent(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent that holds the key of the account."""
    socket = tmp_path / "agent"
    command = [shutil.which("ssh-agent") or "ssh-agent", "-D", "-a", str(socket)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        added = [shutil.which("ssh-add") or "ssh-add", "-q", str(sshd.folder / "id")]
        subprocess.run(added, check=True, stdin=subprocess.DEVNULL)
        yield
        running.kill()


@pytest.mark.usefixtures("agent")
async def test_a_key_may_be_in_an_agent_and_the_host_be_named_in_full(
    sshd: Sshd, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f"UserKnownHostsFile {sshd.folder}/known_hosts\n")
    host = f"{getpass.getuser()}@{sshd.address}:{sshd.port}"
    shell = SshShell(SshSettings(host=host, config_file=str(config)))
    assert (await shell.run(["echo", "in"], timeout_s=60)).stdout == b"in\n"
    await shell.close()


async def test_no_more_commands_run_than_the_server_takes(tmp_path: Path) -> None:
    with Sshd(tmp_path, options=["MaxSessions 2"]) as sshd:
        async with http_server() as port, shell_on(sshd) as shell:
            address = await shell.reach("127.0.0.1", port)
            runs = [shell.run(["echo", str(n)], timeout_s=100) for n in range(20)]
            done = await asyncio.gather(*runs)
            assert [one.stdout for one in done] == [f"{n}\n".encode() for n in range(20)]
            assert await get(address) == "fine"


async def test_twenty_commands_at_a_time_fit_into_one_connection(sshd: Sshd) -> None:
    before = sshd.log.count("Accepted publickey")
    async with shell_on(sshd) as shell:
        runs = [shell.run(["echo", str(n)], timeout_s=100) for n in range(20)]
        assert all(one.returncode == 0 for one in await asyncio.gather(*runs))
    assert sshd.log.count("Accepted publickey") == before + 1


async def test_a_connection_that_falls_silent_is_noticed_and_made_anew(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        settings = {"keepalive_s": 0.5, "first_pause_s": 0.1}
        async with http_server() as port, shell_on(sshd, **settings) as shell:
            address = await shell.reach("127.0.0.1", port)
            # one that has not begun yet would begin on the next connection
            command = ["sh", "-c", 'touch "$1"; exec sleep 600', "sh", str(tmp_path / "begun")]
            running = asyncio.create_task(shell.run(command, timeout_s=600))
            await until((tmp_path / "begun").exists)
            sshd.freeze()
            with pytest.raises(ClusterError, match="was lost while a command ran"):
                await asyncio.wait_for(running, 60)
            assert (await shell.run(["echo", "back"], timeout_s=60)).stdout == b"back\n"
            assert await get(address) == "fine", "the socket leads there again"


async def run_for_ever(shell: SshShell) -> None:
    while True:
        await shell.run(["true"], timeout_s=60)


async def test_a_server_that_is_away_is_asked_less_and_less_and_found_again(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        settings = {"keepalive_s": 0.5, "first_pause_s": 0.2, "longest_pause_s": 1.0}
        async with http_server() as port, shell_on(sshd, **settings) as shell:
            address = await shell.reach("127.0.0.1", port)
            sshd.stop()
            with pytest.raises(ClusterError, match="cannot be reached over SSH"):
                await run_for_ever(shell)
            began_at = time.monotonic()
            for _ in range(1000):
                with pytest.raises(ClusterError):
                    await shell.run(["true"], timeout_s=60)
            assert time.monotonic() - began_at < 30, "most are answered without an attempt"
            sshd.start()

            async def is_back() -> None:
                while True:
                    try:
                        assert await get(address) == "fine"
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
                    else:
                        return

            await asyncio.wait_for(is_back(), 60)


async def test_a_host_with_another_key_gets_nothing(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        sshd.stop()
        sshd.make_key("host_key")
        sshd.start()
        async with shell_on(sshd) as shell:
            with pytest.raises(ClusterError, match="host key of login is not the one"):
                await shell.run(["true"], timeout_s=60)
        (tmp_path / "known_hosts").write_text("")
        async with shell_on(sshd) as shell:
            with pytest.raises(ClusterError, match="run 'ssh login' once"):
                await shell.reach("127.0.0.1", 1)
        assert "Accepted" not in sshd.log


async def test_an_account_without_the_key_is_told_what_to_do(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        (tmp_path / "authorized_keys").write_text("")
        async with shell_on(sshd) as shell:
            with pytest.raises(ClusterError, match="accepts none of your keys"):
                await shell.run(["true"], timeout_s=60)


@pytest.mark.parametrize("host", ["", "a b", "-oProxyCommand=id", "user@", "h:port", "a@b@c"])
async def test_what_is_no_host_is_refused(host: str) -> None:
    shell = SshShell(SshSettings(host=host))
    with pytest.raises(ClusterError, match="ssh_host is"):
        await shell.run(["true"], timeout_s=60)
    await shell.close()


def test_a_host_may_have_a_user_and_a_port() -> None:
    given = SshSettings(host="me@login.example:2222").arguments()
    assert (given["host"], given["username"], given["port"]) == ("login.example", "me", 2222)
    assert SshSettings(host="me@[::1]:22").arguments()["host"] == "::1"
    assert "config" not in SshSettings(host="login").arguments(), "the user's own, by default"
    expanded = SshSettings(host="login", config_file="~/x").arguments()["config"]
    assert expanded == [str(Path("~/x").expanduser())]
