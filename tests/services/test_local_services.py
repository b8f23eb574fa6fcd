"""Services on this machine: started, watched, found again, and ended with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ground import Rows, cookbook, local_site, until

from jupyter_llm.errors import InvalidRequestError, RecipeNotFoundError, ServiceNotFoundError
from jupyter_llm.services.services import Services
from jupyter_llm.types import Service, ServiceState

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")

RUNNING, FAILED = ServiceState.RUNNING, ServiceState.FAILED


@contextlib.asynccontextmanager
async def begun(
    folder: Path, rows: Rows | None = None, num_gpus: int = 0
) -> AsyncIterator[Services]:
    services = Services(
        cookbook(folder / "recipes"), local_site(folder, num_gpus), rows or Rows(), 0.2
    )
    try:
        yield services
    finally:
        await services.stop()


async def end_all(services: Services) -> None:
    for service in await services.all(None):
        await services.cancel(service.id, None)
        await until(services, service.id, is_final)


def is_running(service: Service) -> bool:
    return service.state is RUNNING


def is_final(service: Service) -> bool:
    return service.state.is_final


def processes_of(folder: Path) -> list[int]:
    """Those that were started for the jobs of this folder and still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if f"JUPYTER_LLM_JOB={folder}".encode() in (entry / "environ").read_bytes():
                found += [] if is_zombie else [int(entry.name)]
    return found


def no_process_is_left(folder: Path) -> None:
    """Those that were just killed may take a moment."""
    deadline = time.monotonic() + 30
    while left := processes_of(folder):
        assert time.monotonic() < deadline, [command_line(pid) for pid in left]
        time.sleep(0.05)


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def body_of(service: Service, key: str, index: int = 0) -> str:
    replica = service.replicas[index]
    request = urllib.request.Request(
        f"http://{replica.host}:{replica.port}/", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return str(answer.read().decode())


def test_a_service_runs_once_it_answers_and_ends_without_a_trace(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            told: list[Service] = []
            services.subscribe(told.append)
            config = {"environment": {"MODEL": "a $(model)"}, "resources": {"time_limit": 5}}
            made = await services.create("server", config, owner="ada", name="mine")
            assert made.state is ServiceState.PENDING
            running = await until(services, made.id, is_running)
            assert (running.name, running.owner, running.model) == ("mine", "ada", "a $(model)")
            assert running.replicas[0].id == f"{made.id}:{running.replicas[0].port}"
            assert running.started_at is not None
            assert running.ends_at == running.started_at + 300
            key = await services.key_of(made.id)
            assert body_of(running, key).startswith("a $(model)")
            with pytest.raises(urllib.error.HTTPError, match="401"):
                body_of(running, "another")
            assert "serving a $(model)" in (await services.log(made.id, "ada"))[0]

            await services.cancel(made.id, "ada")
            ended = await until(services, made.id, is_final)
            assert (ended.state, ended.reason) == (ServiceState.CANCELLED, "It was cancelled.")
            assert ended.ended_at is not None
            assert [each.state for each in told][-1] is ServiceState.CANCELLED
            assert RUNNING in {each.state for each in told}
            assert await services.cancel(made.id, "ada") == ended
        no_process_is_left(tmp_path)

    asyncio.run(main())


def test_only_their_owner_can_look_into_a_jobs_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("server", None, owner="ada")
            running = await until(services, made.id, is_running)
            folder = tmp_path / "jobs" / running.id
            key = await services.key_of(made.id)
            assert folder.stat().st_mode & 0o777 == 0o700
            assert all(file.stat().st_mode & 0o077 == 0 for file in folder.rglob("*"))
            assert key not in (folder / "job.sh").read_text()
            for pid in processes_of(tmp_path):
                assert key not in command_line(pid)
            await end_all(services)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("recipe", "state", "reason"),
    [
        ("ends", ServiceState.COMPLETED, "ended by itself"),
        ("fails", FAILED, "exit status 3"),
        ("nothing", FAILED, "command was not found"),
        ("module", FAILED, "What the recipe loads is not on the node"),
    ],
)
def test_a_service_that_ends_by_itself_says_why(
    recipe: str, state: ServiceState, reason: str, tmp_path: Path
) -> None:
    async def main() -> Service:
        async with begun(tmp_path) as services:
            made = await services.create(recipe, None, owner="")
            return await until(services, made.id, is_final)

    ended = asyncio.run(main())
    assert ended.state is state
    assert reason in ended.reason


def test_what_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("stubborn", None, owner="")
            await until(services, made.id, lambda each: bool(each.replicas))
            await services.cancel(made.id, None)
            await until(services, made.id, is_final)
        no_process_is_left(tmp_path)

    asyncio.run(main())


def test_a_service_that_never_answers_is_never_running(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("silent", None, owner="")
            seen = await until(services, made.id, lambda each: bool(each.replicas))
            assert seen.state is ServiceState.CONFIGURING
            assert not seen.replicas[0].is_healthy
            await end_all(services)

    asyncio.run(main())


def test_a_script_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("server", None, owner="")
            await until(services, made.id, is_running)
            pid = int((tmp_path / "jobs" / made.id / "pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            ended = await until(services, made.id, is_final)
            assert ended.state is FAILED
            assert "without a word" in ended.reason
        no_process_is_left(tmp_path)

    asyncio.run(main())


def test_a_group_starts_a_killed_replica_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("group", {"replicas": 3}, owner="")
            whole = await until(
                services,
                made.id,
                lambda each: sum(replica.is_healthy for replica in each.replicas) == 3,
            )
            assert len({each.port for each in whole.replicas}) == 3
            file = tmp_path / "jobs" / made.id / "endpoints.jsonl"
            before = file.read_text().splitlines()
            pid = int(before[0].rpartition(":")[2].rstrip("}"))
            os.kill(pid, signal.SIGKILL)
            key = await services.key_of(made.id)
            for _ in range(600):
                if len(file.read_text().splitlines()) > len(before):
                    break
                await asyncio.sleep(0.1)
            for _ in range(600):
                with contextlib.suppress(OSError):
                    assert body_of(whole, key, 0)
                    break
                await asyncio.sleep(0.1)
            assert body_of(whole, key, 0)
            assert (await services.get(made.id, None)).state is RUNNING
            await end_all(services)
        no_process_is_left(tmp_path)

    asyncio.run(main())


def test_a_group_that_cannot_start_at_all_fails(tmp_path: Path) -> None:
    async def main() -> Service:
        async with begun(tmp_path) as services:
            made = await services.create("fails", {"replicas": 2}, owner="")
            return await until(services, made.id, is_final)

    assert "No replica keeps running" in asyncio.run(main()).reason


def test_ports_that_are_in_use_are_passed_over(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            async with begun(tmp_path) as services:
                folder = tmp_path / "recipes/test/server.yaml"
                folder.write_text(folder.read_text().replace("port: 18000", f"port: {port}"))
                made = await services.create("server", None, owner="")
                running = await until(services, made.id, is_running)
                assert running.replicas[0].port > port
                await end_all(services)

    asyncio.run(main())


@pytest.mark.parametrize("is_left", [True, False])
def test_the_claim_of_a_job_that_has_gone_is_taken_over(tmp_path: Path, is_left: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        port = free_port()
        claim = claim_of(port)
        claim.symlink_to(str(other.pid))
        if is_left:
            other.kill()
            other.wait()

        async def main() -> None:
            async with begun(tmp_path) as services:
                recipe = tmp_path / "recipes/test/server.yaml"
                recipe.write_text(recipe.read_text().replace("port: 18000", f"port: {port}"))
                made = await services.create("server", None, owner="")
                running = await until(services, made.id, is_running)
                assert (running.replicas[0].port == port) is is_left
                await end_all(services)

        try:
            asyncio.run(main())
            assert claim.is_symlink() is not is_left
            assert not list(claim.parent.glob(f"{claim.name}.*"))
        finally:
            claim.unlink(missing_ok=True)
            other.kill()


def claim_of(port: int) -> Path:
    return Path(f"/tmp/jupyter-llm-port-{port}")  # noqa: S108 - where jobs look


def free_port() -> int:
    """One that no system gives to whoever asks for any."""
    while True:
        port = secrets.choice(range(20_000, 28_000))
        with socket.socket() as here, contextlib.suppress(OSError):
            here.bind(("127.0.0.1", port))
            if not claim_of(port).is_symlink():
                return port


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.skipif("sys.platform != 'linux'", reason="reads /proc")
def test_a_job_has_no_token_of_the_notebook_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JUPYTER_LLM_API_KEY"):
        monkeypatch.setenv(name, "the-servers-own")

    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("server", None, owner="")
            await until(services, made.id, is_running)
            (server,) = [
                pid for pid in processes_of(tmp_path) if "http.server" in command_line(pid)
            ]
            assert b"the-servers-own" not in environment_of(server)
            await end_all(services)

    asyncio.run(main())


def test_a_restarted_server_finds_its_services_again(tmp_path: Path) -> None:
    rows = Rows()

    async def first() -> tuple[str, str]:
        async with begun(tmp_path, rows) as services:
            runs = await services.create("server", None, owner="ada")
            ends = await services.create("server", None, owner="ada")
            await until(services, runs.id, is_running)
            await until(services, ends.id, is_running)
            return runs.id, ends.id

    async def second(runs: str, ends: str) -> None:
        async with begun(tmp_path, rows) as services:
            assert {each.id for each in await services.all("ada")} == {runs, ends}
            ended = await until(services, ends, is_final)
            assert "was killed" in ended.reason
            await asyncio.sleep(0.5)
            running = await services.get(runs, "ada")
            assert running.state is RUNNING
            assert body_of(running, await services.key_of(runs))
            await end_all(services)

    runs, ends = asyncio.run(first())
    pid = int((tmp_path / "jobs" / ends / "pid").read_text().split()[0])
    os.killpg(pid, signal.SIGKILL)
    asyncio.run(second(runs, ends))
    no_process_is_left(tmp_path)


def test_another_users_services_are_out_of_reach(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path) as services:
            made = await services.create("silent", None, owner="ada")
            assert await services.all("eve") == []
            for call in (
                services.get(made.id, "eve"),
                services.cancel(made.id, "eve"),
                services.log(made.id, "eve"),
            ):
                with pytest.raises(ServiceNotFoundError):
                    await call
            assert not (await services.get(made.id, "ada")).state.is_final
            await end_all(services)

    asyncio.run(main())


def test_what_cannot_be_met_is_neither_started_nor_noted(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path, num_gpus=2) as services:
            for config, param in (
                ({"resources": {"gpu": 3}}, "config.resources.gpu"),
                ({"resources": {"gpus": 3}}, "config.resources.gpus"),
                ({"resources": {"nodes": 2}}, "config.resources.nodes"),
            ):
                with pytest.raises(InvalidRequestError) as caught:
                    await services.create("server", config, owner="")
                assert caught.value.param == param
            with pytest.raises(RecipeNotFoundError):
                await services.create("unknown", None, owner="")
            assert await services.all(None) == []
        assert not (tmp_path / "jobs").exists()

    asyncio.run(main())


def test_gpus_are_given_to_one_service_at_a_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with begun(tmp_path, num_gpus=5) as services:
            made = await services.create("gpus", None, owner="")
            whole = await until(
                services,
                made.id,
                lambda each: len(each.replicas) == 2 and all(r.is_healthy for r in each.replicas),
            )
            assert [each.gpus for each in whole.replicas] == ["0,1", "2,3"]
            assert body_of(whole, await services.key_of(made.id), 1) == "m 2,3"
            with pytest.raises(InvalidRequestError, match="has 5, of which 1 are free"):
                await services.create("gpus", None, owner="")
            config = {"resources": {"gpu": 1}, "replicas": 1}
            one = await services.create("gpus", config, owner="")
            running = await until(services, one.id, is_running)
            assert body_of(running, await services.key_of(one.id)) == "m 4"
            await end_all(services)
            again = await services.create("gpus", None, owner="")
            await services.cancel(again.id, None)
            await until(services, again.id, is_final)
        no_process_is_left(tmp_path)

    asyncio.run(main())
