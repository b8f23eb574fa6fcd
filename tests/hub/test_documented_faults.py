"""Every fault of the how-to's table is made to happen, and ends as the table says."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hub_server import Fault

from jupyter_llm.errors import LLMError
from jupyter_llm.handlers.errors import status_of
from jupyter_llm.library.hub.downloads import Downloads
from jupyter_llm.library.hub.pull import Puller
from jupyter_llm.library.hub.transfer import RetryPolicy
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.downloads import DownloadRecords

if TYPE_CHECKING:
    from hub_server import Hub

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-model.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
TABLE = TEXT.partition("| what goes wrong |")[2].partition("\n\n")[0]
DOCUMENTED = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", TABLE, re.MULTILINE))

CONTENT = random.Random(3).randbytes(300_000)
HASTY = RetryPolicy(stall_timeout_s=0.3, max_failures=4, first_delay_s=0.01, max_delay_s=0.05)
REPO = "org/tiny-GGUF"
FILE = "tiny-Q8_0.gguf"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What goes wrong: faults of the store, or what `arrange` does before; `says` is told."""

    faults: tuple[Fault, ...] = ()
    arrange: Callable[[Hub, pytest.MonkeyPatch], object] = lambda *_: None
    name: str = REPO
    memory_bytes: int = 1 << 40
    says: str = ""


def always(**fault: Any) -> tuple[Fault, ...]:
    return (Fault(**fault),) * 10


class _Disk(NamedTuple):
    total: int = 1000
    used: int = 999
    free: int = 1


def _rename(hub: Hub, name: str) -> None:
    hub.repositories[REPO].files = {name: CONTENT}


CUT = Fault(cut_after=100_000)
CASES = {
    "the connection breaks": Case(faults=(CUT,)),
    "the connection breaks twice": Case(faults=(CUT, CUT)),
    "no byte comes for 30 s": Case(faults=(Fault(stall_after=50_000),)),
    "the Hub answers 500 or 503": Case(faults=(CUT, Fault(status=500), Fault(status=503))),
    "the Hub answers 429 with a `Retry-After`": Case(
        faults=(CUT, Fault(status=429, headers={"Retry-After": "1"}))
    ),
    "the range that is asked for is ignored": Case(faults=(CUT, Fault(ignores_range=True))),
    "the range that comes begins elsewhere": Case(faults=(CUT, Fault(shifts_range=True))),
    "the Hub answers 416": Case(faults=(CUT, Fault(status=416))),
    "more bytes come than the file has": Case(faults=(Fault(extra=b"more"),)),
    "a byte is damaged": Case(faults=(Fault(flip_byte=True),)),
    "every connection breaks before a byte comes": Case(
        faults=always(cut_after=0), says="4 times in vain"
    ),
    "no byte comes, again and again": Case(faults=always(stall_after=0), says="4 times in vain"),
    "the Hub answers nothing but 500": Case(faults=always(status=500), says="answered 500"),
    "the Hub answers nothing but 429": Case(faults=always(status=429), says="answered 429"),
    "the Hub sends on to a server that is not there": Case(
        faults=always(location="http://127.0.0.1:9/x"), says="4 times in vain"
    ),
    "the file arrives damaged twice": Case(faults=always(flip_byte=True), says="damaged twice"),
    "the Hub's store answers 401 or 403": Case(faults=always(status=403), says="HF_TOKEN"),
    "the file has gone": Case(faults=always(status=410), says="any more"),
    "the Hub answers 400": Case(faults=always(status=400), says="answered 400"),
    "the model is gated and the account has no access": Case(
        arrange=lambda hub, _: setattr(hub.repositories[REPO], "gated", True), says=f"/{REPO}"
    ),
    "there is no such repository, or it is private": Case(name="org/nothing", says="org/nothing"),
    "the repository has no such quantization or file": Case(name=f"{REPO}:Q2_K", says="Q8_0"),
    "the repository has no GGUF file": Case(
        arrange=lambda hub, _: _rename(hub, "model.bin"), says="no GGUF files"
    ),
    "the Hub is out of order": Case(
        arrange=lambda hub, _: hub.api_faults.extend([500] * 10), says="http://127.0.0.1"
    ),
    "the Hub cannot be reached": Case(
        arrange=lambda _, patch: patch.setenv("HF_ENDPOINT", "http://127.0.0.1:9"),
        says="http://127.0.0.1:9",
    ),
    "the disk is too small": Case(
        arrange=lambda _, patch: patch.setattr(shutil, "disk_usage", lambda _: _Disk()),
        says="GiB is free",
    ),
    "nothing fits the machine's memory": Case(
        arrange=lambda hub, _: hub.repositories[REPO].files.update({"tiny-F16.gguf": CONTENT * 2}),
        memory_bytes=1000,
        says="the smallest is Q8_0",
    ),
    "a file's name leads out of the folder": Case(
        arrange=lambda hub, _: _rename(hub, "../tiny-Q8_0.gguf"), says="tiny-Q8_0.gguf"
    ),
}


def test_every_fault_of_the_table_is_tried_and_no_other() -> None:
    assert DOCUMENTED.keys() == CASES.keys()
    assert len(CASES) >= 20


async def pulled(folder: Path, case: Case) -> str:
    """Pull and wait; returns the path of the file."""

    async def memory() -> int:
        return case.memory_bytes

    registry = Registry(f"sqlite:///{folder / '.registry.sqlite3'}")
    records = DownloadRecords(registry, folder)
    downloads = Downloads(folder, records=records, on_event=lambda _: None, policy=HASTY)
    await downloads.start()
    try:
        begun = await Puller(downloads, memory).pull(case.name)
        return (await downloads.wait(begun.id)).path
    finally:
        await downloads.stop()
        await registry.close()


@pytest.mark.parametrize("fault", CASES)
def test_a_fault_ends_as_documented(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    case, documented = CASES[fault], DOCUMENTED[fault]
    hub.add(REPO, {FILE: CONTENT})
    hub.faults.extend(case.faults)
    case.arrange(hub, monkeypatch)
    if status := re.match(r"(\d+) `(\w+)`", documented):
        with pytest.raises(LLMError) as refused:
            asyncio.run(pulled(tmp_path, case))
        assert (str(int(status_of(refused.value))), refused.value.code) == status.groups()
        assert case.says in refused.value.message
        assert list(tmp_path.rglob("*.gguf")) == []
        return
    assert Path(asyncio.run(pulled(tmp_path, case))).read_bytes() == CONTENT
    assert not hub.faults
    begun_anew = hub.starts[1:].count(0)
    assert begun_anew == (1 if documented.startswith("begins anew") else 0)
