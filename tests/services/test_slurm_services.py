"""Services on a real SLURM: submitted, watched, found again, and nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ground import Rows, cookbook, slurm_site, until
from mini_slurm import MiniSlurm

from jupyter_llm.errors import ClusterError, InvalidRequestError
from jupyter_llm.services.services import Services
from jupyter_llm.types import Service, ServiceState

RUNNING = ServiceState.RUNNING


@contextlib.asynccontextmanager
async def begun(
    folder: Path, slurm: MiniSlurm, rows: Rows | None = None
) -> AsyncIterator[Services]:
    site = slurm_site(folder, slurm.env)
    services = Services(cookbook(folder / "recipes"), site, rows or Rows(), 0.2)
    try:
        yield services
    finally:
        await services.stop()


def is_running(service: Service) -> bool:
    return service.state is RUNNING


def is_final(service: Service) -> bool:
    return service.state.is_final


def body_of(service: Service, key: str, index: int = 0) -> str:
    replica = service.replicas[index]
    request = urllib.request.Request(
        f"http://{replica.host}:{replica.port}/", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return str(answer.read().decode())


def test_a_group_runs_on_a_node_with_gpus_of_its_own(tmp_path: Path, slurm: MiniSlurm) -> None:
    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            made = await services.create("gpus", {"resources": {"memory": "4G"}}, owner="ada")
            assert made.id.isdecimal()
            whole = await until(
                services,
                made.id,
                lambda each: len(each.replicas) == 2 and all(r.is_healthy for r in each.replicas),
            )
            assert whole.nodes[0] in {"gpu1", "gpu2"}
            assert [each.gpus for each in whole.replicas] == ["0,1", "2,3"]
            key = await services.key_of(made.id)
            assert body_of(whole, key, 1) == "m 2,3"
            shown = slurm.run("scontrol", "show", "job", made.id).stdout
            assert "Requeue=0" in shown
            assert "Comment=jupyter-llm:slurm-" in shown
            assert key not in shown
            assert key not in slurm.run("scontrol", "write", "batch_script", made.id, "-").stdout
            await services.cancel(made.id, "ada")
            ended = await until(services, made.id, is_final)
            assert (ended.state, ended.reason) == (ServiceState.CANCELLED, "It was cancelled.")
            assert "serving m" in (await services.log(made.id, "ada"))[0]

    asyncio.run(main())


def test_a_job_sees_no_secret_of_the_notebook_server(
    tmp_path: Path, slurm: MiniSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret-of-the-hub")
    monkeypatch.setenv("SECRET", "secret-of-the-shell")

    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            recipe = tmp_path / "recipes/test/server.yaml"
            recipe.write_text("kind: inference\nenvironment: {MODEL: m}\ncommand: [env]\n")
            made = await services.create("server", None, owner="")
            await until(services, made.id, is_final)
            log, _ = await services.log(made.id, None)
            assert "MODEL=m" in log
            assert "secret-of" not in log

    asyncio.run(main())


@pytest.mark.parametrize(
    ("recipe", "state", "reason"),
    [
        ("ends", ServiceState.COMPLETED, "ended by itself"),
        ("fails", ServiceState.FAILED, "exit status 3"),
    ],
)
def test_a_job_that_ends_by_itself_says_why(
    recipe: str, state: ServiceState, reason: str, tmp_path: Path, slurm: MiniSlurm
) -> None:
    async def main() -> Service:
        async with begun(tmp_path, slurm) as services:
            made = await services.create(recipe, None, owner="")
            return await until(services, made.id, is_final)

    ended = asyncio.run(main())
    assert ended.state is state
    assert reason in ended.reason


def test_a_job_that_must_wait_says_for_what(tmp_path: Path, slurm: MiniSlurm) -> None:
    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            first = [await services.create("gpus", None, owner="") for _ in range(3)]
            waiting = await until(services, first[2].id, lambda each: "become free" in each.reason)
            assert waiting.state is ServiceState.PENDING
            for service in first:
                await services.cancel(service.id, None)
            for service in first:
                ended = await until(services, service.id, is_final)
                assert ended.state is ServiceState.CANCELLED

    asyncio.run(main())


def test_a_service_of_several_nodes_is_one_array(tmp_path: Path, slurm: MiniSlurm) -> None:
    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            config = {"resources": {"nodes": 2, "memory": "1G"}, "replicas": 2}
            made = await services.create("nodes", config, owner="")
            whole = await until(
                services,
                made.id,
                lambda each: len(each.replicas) == 4 and all(r.is_healthy for r in each.replicas),
            )
            assert [each.index for each in whole.replicas] == [0, 1, 2, 3]
            assert len({each.port for each in whole.replicas}) == 4
            await services.cancel(made.id, None)
            assert (await until(services, made.id, is_final)).state is ServiceState.CANCELLED

    asyncio.run(main())


def test_what_slurm_refuses_is_refused_with_its_words(tmp_path: Path, slurm: MiniSlurm) -> None:
    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            with pytest.raises(InvalidRequestError, match=r"SLURM refuses the job: .*partition"):
                await services.create("ends", {"resources": {"partition": "nope"}}, owner="")
            assert [each.state for each in await services.all(None)] == [ServiceState.FAILED]

    asyncio.run(main())


def test_a_node_that_fails_is_said_to_have(tmp_path: Path, slurm: MiniSlurm) -> None:
    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            made = await services.create("server", None, owner="")
            running = await until(services, made.id, is_running)
            slurm.fail_node(running.nodes[0])
            ended = await until(services, made.id, is_final)
            assert ended.state is ServiceState.NODE_FAIL
            assert "node" in ended.reason
            slurm.restore_node(running.nodes[0])

    asyncio.run(main())


def test_a_time_limit_ends_a_job_and_is_said_to_have(
    tmp_path: Path, slurm: MiniSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a minute is the shortest that can be asked for
    monkeypatch.setattr("jupyter_llm.services.plan.MINUTE_S", 3)

    async def main() -> Service:
        async with begun(tmp_path, slurm) as services:
            made = await services.create("server", {"resources": {"time_limit": 1}}, owner="")
            return await until(services, made.id, is_final)

    ended = asyncio.run(main())
    assert (ended.state, ended.reason) == (
        ServiceState.TIMEOUT,
        "Its time limit of 3 s was reached.",
    )


def test_a_dead_controller_makes_answers_old_and_not_slow(tmp_path: Path, slurm: MiniSlurm) -> None:
    async def main() -> None:
        async with begun(tmp_path, slurm) as services:
            made = await services.create("server", None, owner="")
            before = await until(services, made.id, is_running)
            slurm.stop_controller()
            began = time.monotonic()
            while not (seen := await services.get(made.id, None)).is_stale:
                assert time.monotonic() - began < 60
                asked = time.perf_counter()
                await services.all(None)
                # each command of SLURM would wait nine seconds
                assert time.perf_counter() - asked < 5
                await asyncio.sleep(0.05)
            assert seen.state is RUNNING
            assert seen.as_of >= before.as_of
            with pytest.raises(ClusterError, match="does not answer"):
                await services.create("server", None, owner="")
            with pytest.raises(ClusterError, match="does not answer"):
                await services.cancel(made.id, None)
            slurm.start_controller()
            fresh = await until(services, made.id, lambda each: not each.is_stale)
            assert fresh.state is RUNNING
            await services.cancel(made.id, None)
            await until(services, made.id, is_final)

    asyncio.run(main())


def test_a_server_that_dies_while_it_submits_submits_nothing_twice(
    tmp_path: Path, slurm: MiniSlurm
) -> None:
    rows = Rows()

    async def dies() -> None:
        async with begun(tmp_path, slurm, rows) as services:
            before = set(slurm.job_ids())
            made = await services.create("server", None, owner="ada")
            assert set(slurm.job_ids()) - before == {made.id}

    async def restarts() -> None:
        # as it was right before sbatch answered
        (row,) = rows.rows.values()
        row["record"]["job_id"], row["record"]["service"]["id"] = "", row["key"]
        async with begun(tmp_path, slurm, rows) as services:
            running = await until(services, row["key"], is_running)
            assert running.id.isdecimal()
            assert running.owner == "ada"
            assert len(await services.all(None)) == 1
            await services.cancel(running.id, None)
            await until(services, running.id, is_final)

    before = set(slurm.job_ids())
    asyncio.run(dies())
    asyncio.run(restarts())
    assert len(set(slurm.job_ids()) - before) == 1
