from __future__ import annotations

import asyncio
import functools
import random
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hub_server import Fault

from jupyter_llm.errors import (
    DownloadError,
    HubAccessError,
    InsufficientDiskError,
    InvalidRequestError,
    ModelNotFoundError,
)
from jupyter_llm.library.hub import downloads as module
from jupyter_llm.library.hub.downloads import Downloads
from jupyter_llm.library.hub.job import new_job
from jupyter_llm.library.hub.pull import Puller
from jupyter_llm.library.hub.repo import HubFile, HubRepo, describe
from jupyter_llm.library.hub.transfer import RetryPolicy
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.downloads import DownloadRecords
from jupyter_llm.types import DownloadState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from hub_server import Hub

    from jupyter_llm.types import Download

CONTENT = random.Random(2).randbytes(4_000_000)
HASTY = RetryPolicy(stall_timeout_s=0.3, max_failures=3, first_delay_s=0.01, max_delay_s=0.05)
REPO = "org/tiny-GGUF"


async def plenty() -> int:
    return 1 << 40


def scenario(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def puller(folder: Path, events: list[Download] | None = None) -> AsyncIterator[Puller]:
    seen: list[Download] = [] if events is None else events
    registry = Registry(f"sqlite:///{folder / '.registry.sqlite3'}")
    records = DownloadRecords(registry, folder)
    downloads = Downloads(folder, records=records, on_event=seen.append, policy=HASTY)
    await downloads.start()
    yield Puller(downloads, plenty)
    await downloads.stop()
    await registry.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@scenario
async def test_a_model_is_chosen_downloaded_and_told_about(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny-Q8_0.gguf": b"x", "tiny-Q4_K_M.gguf": CONTENT, "mmproj-tiny.gguf": b"y"})
    events: list[Download] = []
    async with puller(tmp_path, events) as p:
        begun = await p.pull(REPO)
        done = await p.downloads.wait(begun.id)
    assert (done.state, done.done_bytes) == (DownloadState.DONE, len(CONTENT) + 1)
    folder = tmp_path / "org" / "tiny-GGUF"
    assert done.path == str(folder / "tiny-Q4_K_M.gguf")
    assert (folder / "tiny-Q4_K_M.gguf").read_bytes() == CONTENT
    assert (folder / "mmproj-tiny.gguf").read_bytes() == b"y"
    states = [event.state for event in events]
    assert states[0] is DownloadState.QUEUED
    assert DownloadState.RUNNING in states
    assert states[-1] is DownloadState.DONE


@scenario
async def test_a_small_file_is_checked_by_gits_hash(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    hub.faults.extend([Fault(flip_byte=True)] * 2)
    async with puller(tmp_path) as p:
        begun = await p.pull(REPO)
        with pytest.raises(DownloadError, match="damaged twice"):
            await p.downloads.wait(begun.id)
        assert p.downloads.get(begun.id).state is DownloadState.FAILED
        again = await p.pull(REPO)
        assert (await p.downloads.wait(again.id)).state is DownloadState.DONE


@scenario
async def test_a_gated_model_is_refused_before_its_download_begins(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT}, gated=True)
    async with puller(tmp_path) as p:
        with pytest.raises(HubAccessError, match=f"{hub.url}/{REPO}"):
            await p.pull(REPO)
        assert p.downloads.all() == ()
        monkeypatch.setenv("HF_TOKEN", "let-me-in")
        begun = await p.pull(REPO)
        assert (await p.downloads.wait(begun.id)).state is DownloadState.DONE


@scenario
async def test_two_callers_share_one_download(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    async with puller(tmp_path) as p:
        one, two = await p.pull(REPO), await p.pull(REPO)
        await asyncio.gather(p.downloads.wait(one.id), p.downloads.wait(two.id))
        assert len(p.downloads.all()) == 1
    assert hub.num_bytes == len(CONTENT)


@scenario
async def test_a_cancelled_download_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    hub.bytes_per_s = 8_000_000
    async with puller(tmp_path) as p:
        begun = await p.pull(REPO)
        await until(lambda: p.downloads.get(begun.id).done_bytes > 100_000)
        cancelled = await p.downloads.cancel(begun.id)
        assert cancelled.state is DownloadState.CANCELLED
        with pytest.raises(DownloadError, match="cancelled"):
            await p.downloads.wait(begun.id)
        hub.bytes_per_s = 0.0
        await p.pull(REPO)
        await p.downloads.wait(begun.id)
    assert hub.num_bytes <= 1.2 * len(CONTENT)


@scenario
async def test_a_dismissed_download_leaves_nothing_but_what_is_whole(
    hub: Hub, tmp_path: Path
) -> None:
    hub.add(REPO, {"tiny-1.gguf": CONTENT, "tiny-2.gguf": CONTENT})
    events: list[Download] = []
    async with puller(tmp_path, events) as p:
        whole = await p.pull(REPO, "tiny-1.gguf")
        await p.downloads.wait(whole.id)
        hub.keeps_end = True
        stopped = await p.pull(REPO, "tiny-2.gguf")
        await until(lambda: p.downloads.get(stopped.id).done_bytes > 100_000)
        folder = tmp_path / "org" / "tiny-GGUF"
        assert (folder / "tiny-2.gguf.part").exists()
        assert (await p.downloads.dismiss(stopped.id)).state is DownloadState.DISMISSED
        assert events[-1].state is DownloadState.DISMISSED
        assert [path.name for path in folder.iterdir()] == ["tiny-1.gguf"]
        await p.downloads.dismiss(whole.id)
        assert (folder / "tiny-1.gguf").read_bytes() == CONTENT
        with pytest.raises(ModelNotFoundError):
            await p.downloads.dismiss(whole.id)
    async with puller(tmp_path) as p:
        assert p.downloads.all() == ()


@scenario
async def test_a_restarted_server_goes_on_by_itself(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    hub.bytes_per_s = 8_000_000
    async with puller(tmp_path) as p:
        begun = await p.pull(REPO)
        await until(lambda: p.downloads.get(begun.id).done_bytes > 100_000)
    hub.bytes_per_s = 0.0
    async with puller(tmp_path) as p:
        assert (await p.downloads.wait(begun.id)).state is DownloadState.DONE
    assert (tmp_path / "org" / "tiny-GGUF" / "tiny.gguf").read_bytes() == CONTENT
    assert hub.num_bytes <= 1.2 * len(CONTENT)


@scenario
async def test_two_servers_do_not_fetch_the_same_file(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    hub.bytes_per_s = 8_000_000
    async with puller(tmp_path) as one, puller(tmp_path) as two:
        begun = await one.pull(REPO)
        await until(lambda: one.downloads.get(begun.id).done_bytes > 0)
        await two.pull(REPO)
        with pytest.raises(DownloadError, match="Another server"):
            await two.downloads.wait(begun.id)
        await one.downloads.wait(begun.id)


@scenario
async def test_a_disk_without_room_is_told_before_a_byte_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    monkeypatch.setattr(module, "_space", lambda *_: (len(CONTENT), 1000))
    async with puller(tmp_path) as p:
        with pytest.raises(InsufficientDiskError, match="is free"):
            await p.pull(REPO)
    assert hub.num_bytes == 0


@pytest.mark.parametrize("path", ["../evil.gguf", "/etc/evil.gguf", "a/../../b.gguf", ".x/a.gguf"])
@scenario
async def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    repo = HubRepo(id=REPO, revision="main", files=())
    async with puller(tmp_path) as p:
        with pytest.raises(InvalidRequestError, match="name of a file"):
            await p.downloads.begin(repo, [HubFile(path=path, size_bytes=1)])


@scenario
async def test_a_download_kept_in_a_file_is_taken_over_once(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    old = tmp_path / ".downloads" / "org--tiny-GGUF--tiny.gguf.json"
    old.parent.mkdir()
    old.write_bytes(msgspec.json.encode(new_job(describe(REPO), describe(REPO).files)))
    async with puller(tmp_path) as p:
        assert (await p.downloads.wait(old.stem)).state is DownloadState.DONE
        assert not old.exists()
    async with puller(tmp_path) as p:
        assert [d.state for d in p.downloads.all()] == [DownloadState.DONE]


@scenario
async def test_damaged_records_do_not_keep_the_server_from_starting(
    hub: Hub, tmp_path: Path
) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads" / "x.json").write_text("{")
    async with puller(tmp_path) as p:
        begun = await p.pull(REPO)
        assert (await p.downloads.wait(begun.id)).state is DownloadState.DONE


@scenario
async def test_without_a_registry_downloads_go_on(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    (tmp_path / ".registry.sqlite3").write_bytes(b"This is no database." * 100)
    async with puller(tmp_path) as p:
        begun = await p.pull(REPO)
        assert (await p.downloads.wait(begun.id)).state is DownloadState.DONE
    assert "Earlier downloads are not known" in caplog.text
    assert "will not know of this download" in caplog.text


@scenario
async def test_a_forgotten_download_stays_forgotten(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    async with puller(tmp_path) as p:
        done = await p.downloads.wait((await p.pull(REPO)).id)
        await p.downloads.forget(Path(done.path))
        assert p.downloads.all() == ()
    async with puller(tmp_path) as p:
        assert p.downloads.all() == ()


@scenario
async def test_callers_at_the_same_moment_share_one_download(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny.gguf": CONTENT})
    async with puller(tmp_path) as p:
        begun = await asyncio.gather(*(p.pull(REPO) for _ in range(4)))
        await p.downloads.wait(begun[0].id)
    assert hub.num_bytes == len(CONTENT)


@scenario
async def test_an_unknown_download_is_not_found(tmp_path: Path) -> None:
    async with puller(tmp_path) as p:
        with pytest.raises(ModelNotFoundError, match="no download 'x'"):
            p.downloads.get("x")


@scenario
async def test_more_than_allowed_wait_for_their_turn(hub: Hub, tmp_path: Path) -> None:
    names = [f"org/m{number}" for number in range(3)]
    for name in names:
        hub.add(name, {"m.gguf": CONTENT})
    hub.bytes_per_s = 8_000_000
    async with puller(tmp_path) as p:
        begun = [await p.pull(name) for name in names]
        await until(lambda: p.downloads.get(begun[1].id).done_bytes > 0)
        states = [p.downloads.get(download.id).state for download in begun]
        assert states.count(DownloadState.RUNNING) == 2
        assert states.count(DownloadState.QUEUED) == 1
        await asyncio.gather(*(p.downloads.wait(download.id) for download in begun))
