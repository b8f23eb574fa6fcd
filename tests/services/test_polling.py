"""A thousand jobs cost one question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ground import Rows, cookbook
from test_service_states import RUNNING

from jupyter_llm.services.folder import Folders
from jupyter_llm.services.record import to_row
from jupyter_llm.services.services import Services
from jupyter_llm.services.shell import Completed, LocalShell
from jupyter_llm.services.site import Site
from jupyter_llm.services.slurm import SlurmLauncher

NUM_JOBS = 1000


class Counting(LocalShell):
    """Answers as `squeue` would, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float) -> Completed:
        self.asked.append(argv[0])
        lines = (
            "\x1f".join((str(job), "RUNNING", "None", "n1", f"jupyter-llm:slurm-{job}"))
            for job in range(NUM_JOBS)
        )
        return Completed(returncode=0, stdout="\n".join(lines).encode(), stderr=b"")


def a_thousand() -> Rows:
    rows = Rows()
    for job in range(NUM_JOBS):
        service = replace(RUNNING.service, id=str(job))
        record = replace(RUNNING, key=f"slurm-{job}", job_id=str(job), service=service)
        rows.rows[record.key] = to_row(record)
    return rows


def test_a_thousand_jobs_are_one_squeue_and_little_work(tmp_path: Path) -> None:
    async def main() -> tuple[list[str], list[float]]:
        shell = Counting()
        site = Site(shell=shell, launcher=SlurmLauncher(shell), folders=Folders(shell, "/jobs"))
        services = Services(cookbook(tmp_path), site, a_thousand(), 3600)
        assert len(await services.all(None)) == NUM_JOBS
        await asyncio.sleep(0.5)
        shell.asked.clear()
        times = []
        for _ in range(5):
            began = time.process_time()
            await services._watch.look()
            times.append(time.process_time() - began)
        await services.stop()
        return shell.asked, times

    asked, times = asyncio.run(main())
    assert asked == ["squeue"] * 5
    # a bound for machines much slower than the one that takes 10 ms
    assert min(times) < 0.5
