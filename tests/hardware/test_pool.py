from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.devices import Reading
from jupyter_llm.hardware.ledger import Ledger
from jupyter_llm.hardware.need import Need
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.types import Device

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEED = Need(num_bytes=60)


class Machine:
    """A hundred bytes of memory, of which `used` are used, `own` of them by this server."""

    def __init__(self) -> None:
        self.used = self.own = self.mapped = 0
        self.was_read = False

    def read(self) -> Reading:
        self.was_read = True
        ram = Device(
            id="cpu",
            kind="cpu",
            name="RAM",
            total_bytes=100,
            used_bytes=self.used,
            own_bytes=self.own,
        )
        limits = (MemoryLimit(limit_bytes=100, used_bytes=self.used),)
        return Reading(devices=(ram,), limits=limits, own_mapped_bytes=self.mapped)

    def take(self, num_bytes: int, *, mapped: int = 0) -> None:
        """This server has grown; mapped files look to others as if they were not there."""
        self.used += num_bytes
        self.own += num_bytes
        self.mapped += mapped


@pytest.fixture
def pools(tmp_path: Path) -> Callable[[Machine], MemoryPool]:
    return lambda machine: MemoryPool(read=machine.read, ledger=Ledger(tmp_path / "ledger"))


def test_two_servers_never_promise_the_same_bytes(
    pools: Callable[[Machine], MemoryPool],
) -> None:
    async def run() -> None:
        machine = Machine()
        first, second = pools(machine), pools(machine)
        promised = await asyncio.gather(first.reserve(NEED), second.reserve(NEED))
        (reservation,) = filter(None, promised)
        assert await second.free_bytes(NEED) == await first.free_bytes(NEED) == 40
        await reservation.release()
        assert await second.free_bytes(NEED) == 100
        assert await second.reserve(NEED)

    asyncio.run(run())


def test_what_is_loaded_counts_once(pools: Callable[[Machine], MemoryPool]) -> None:
    async def run() -> None:
        mine, theirs = Machine(), Machine()
        pool, other = pools(mine), pools(theirs)
        reservation = await pool.reserve(NEED)
        assert reservation
        mine.take(30)
        theirs.used += 30
        assert await pool.free_bytes(NEED) == 40
        mine.take(30)
        theirs.used += 30
        await reservation.settle(60)
        assert await pool.free_bytes(NEED) == await other.free_bytes(NEED) == 40

    asyncio.run(run())


def test_others_hear_how_far_a_load_is(pools: Callable[[Machine], MemoryPool]) -> None:
    async def run() -> None:
        mine, theirs = Machine(), Machine()
        pool, other = pools(mine), pools(theirs)
        await pool.reserve(NEED)
        mine.take(45, mapped=15)
        theirs.used += 30
        async with asyncio.timeout(10):
            while await other.free_bytes(NEED) != 40:
                await asyncio.sleep(0.05)

    asyncio.run(run())


def test_weights_that_are_mapped_count_for_others_unless_they_map_them_too(
    pools: Callable[[Machine], MemoryPool], tmp_path: Path
) -> None:
    async def run() -> None:
        weights = tmp_path / "weights"
        weights.touch()
        mine, theirs = Machine(), Machine()
        pool, other = pools(mine), pools(theirs)
        reservation = await pool.reserve(Need(num_bytes=60, path=str(weights)))
        assert reservation
        mine.take(60, mapped=50)
        theirs.used += 10
        await reservation.settle(60)
        assert await other.free_bytes(NEED) == 40
        assert await other.free_bytes(Need(num_bytes=60, path=str(weights))) == 90

    asyncio.run(run())


def test_a_caller_that_leaves_while_it_is_promised_has_nothing(
    pools: Callable[[Machine], MemoryPool],
) -> None:
    async def run() -> None:
        for pause_s in (0, 0, 0.0005, 0.001, 0.002, 0.005):
            machine = Machine()
            pool, other = pools(machine), pools(Machine())
            asking = asyncio.create_task(pool.reserve(NEED))
            await asyncio.sleep(pause_s)
            if not asking.cancel():
                reservation = await asking
                assert reservation
                await reservation.release()
            async with asyncio.timeout(10):
                # whoever looked before the promise would see no more than after its end
                while not machine.was_read or await other.free_bytes(NEED) != 100:
                    await asyncio.sleep(0.005)

    asyncio.run(run())


def test_a_ledger_that_cannot_be_used_stops_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "file").write_text("no folder")
        pool = MemoryPool(read=Machine().read, ledger=Ledger(tmp_path / "file"))
        reservation = await pool.reserve(NEED)
        assert reservation
        assert await pool.reserve(NEED) is None
        await reservation.release()
        assert "not seen" in pool.survey().ledger_reason
        pool.close()

    asyncio.run(run())


CONTEND = """
import asyncio, os, sys, pathlib, random, time
from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.devices import Reading
from jupyter_llm.hardware.ledger import Ledger
from jupyter_llm.hardware.need import Need
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.types import Device

folder, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2])

def read():
    # reading real devices takes its time, too
    time.sleep(0.001)
    ram = Device(id="cpu", kind="cpu", name="", total_bytes=100, used_bytes=0, own_bytes=0)
    return Reading(devices=(ram,), limits=(MemoryLimit(limit_bytes=100, used_bytes=0),))

async def main():
    pool = MemoryPool(read=read, ledger=Ledger(folder / "ledger", timeout_s=60))
    draw = random.Random(seed)
    granted = 0
    while granted < 10:
        reservation = await pool.reserve(Need(num_bytes=60))
        if reservation is None:
            continue
        granted += 1
        # there can be only one: a second would not fit
        os.close(os.open(folder / "held", os.O_CREAT | os.O_EXCL))
        await asyncio.sleep(draw.random() / 200)
        os.unlink(folder / "held")
        await reservation.release()
    print(granted)

asyncio.run(main())
"""


def test_processes_that_contend_never_hold_more_than_there_is(tmp_path: Path) -> None:
    """Each reserves 60 of 100 bytes again and again; the file says when two have them."""
    commands = [[sys.executable, "-c", CONTEND, str(tmp_path), str(seed)] for seed in range(4)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for command in commands
    ]
    answers = [process.communicate(timeout=100) for process in running]
    assert answers == [(b"10\n", b"")] * 4


def test_a_server_that_is_killed_in_the_middle_of_its_load_gives_its_memory_back(
    pools: Callable[[Machine], MemoryPool], tmp_path: Path
) -> None:
    script = CONTEND.replace("draw.random() / 200", "60")
    pool = pools(Machine())
    command = [sys.executable, "-c", script, str(tmp_path), "0"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:

        async def until_free(num_bytes: int) -> None:
            async with asyncio.timeout(30):
                while await pool.free_bytes(NEED) != num_bytes:
                    await asyncio.sleep(0.02)

        asyncio.run(until_free(40))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        asyncio.run(until_free(100))
