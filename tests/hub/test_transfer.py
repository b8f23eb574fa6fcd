from __future__ import annotations

import random
import ssl
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from hub_server import REVISION, Fault, Hub

from jupyter_llm.errors import DownloadError, HubAccessError, HubError, ModelNotFoundError
from jupyter_llm.library.hub.repo import HubFile, describe, file_url
from jupyter_llm.library.hub.stop import Stop
from jupyter_llm.library.hub.transfer import (
    CancelledByUserError,
    RetryPolicy,
    Source,
    Transfer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = random.Random(1).randbytes(300_000)
HASTY = RetryPolicy(stall_timeout_s=0.3, max_failures=3, first_delay_s=0.01, max_delay_s=0.05)
REPO = "org/tiny-GGUF"


PATIENT = replace(HASTY, stall_timeout_s=3600.0)


@pytest.fixture
def tls_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """One that is asked by https, as the real one is."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with Hub(context) as server:
        yield server


def file_of(hub: Hub, **flags: Any) -> HubFile:
    hub.add(REPO, {"tiny.gguf": CONTENT}, **flags)
    return describe(REPO).files[0]


def fetch(file: HubFile, folder: Path, *, stop: Stop | None = None) -> Path:
    source = Source(file, file_url(REPO, REVISION, file.path), {})
    target = folder / "tiny.gguf"
    Transfer(source, target, policy=HASTY, stop=stop or Stop(), on_bytes=lambda _: None).run()
    return target


def test_the_file_arrives_whole_under_its_name_alone(hub: Hub, tmp_path: Path) -> None:
    target = fetch(file_of(hub), tmp_path)
    assert target.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [target]
    assert hub.num_bytes == len(CONTENT)


def test_a_file_that_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    file = file_of(hub)
    fetch(file, tmp_path)
    fetch(file, tmp_path)
    assert hub.num_bytes == len(CONTENT)


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(cut_after=100_000), Fault(cut_after=100_000)],
        [Fault(stall_after=50_000)],
        [Fault(status=500), Fault(status=503)],
        [Fault(status=429, headers={"Retry-After": "0"})],
        [Fault(cut_after=100_000), Fault(ignores_range=True)],
        [Fault(cut_after=100_000), Fault(shifts_range=True)],
        [Fault(cut_after=100_000), Fault(status=416)],
        [Fault(extra=b"more")],
        [Fault(flip_byte=True)],
    ],
    ids=[
        "cut off twice",
        "stalled",
        "errors of the server",
        "too many requests",
        "a range that is ignored",
        "a range that begins elsewhere",
        "a range that does not exist",
        "more bytes than promised",
        "a damaged byte",
    ],
)
def test_a_passing_fault_is_overcome(hub: Hub, tmp_path: Path, faults: list[Fault]) -> None:
    file = file_of(hub)
    hub.faults.extend(faults)
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert not hub.faults


def test_after_a_cut_only_the_rest_is_fetched(hub: Hub, tmp_path: Path) -> None:
    file = file_of(hub)
    hub.faults.extend([Fault(cut_after=65_536 * number) for number in (1, 2)])
    fetch(file, tmp_path)
    assert hub.starts == [0, 65_536, 3 * 65_536]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(status=401), HubAccessError, "HF_TOKEN"),
        (Fault(status=403), HubAccessError, "HF_TOKEN"),
        (Fault(status=404), ModelNotFoundError, "any more"),
        (Fault(status=410), ModelNotFoundError, "any more"),
        (Fault(status=400), HubError, "answered 400"),
        (Fault(status=500), HubError, "3 times in vain.*answered 500"),
        (Fault(status=429), HubError, "3 times in vain.*answered 429"),
        (Fault(stall_after=0), HubError, "3 times in vain"),
        (Fault(cut_after=0), HubError, "3 times in vain"),
        (Fault(extra=b"more"), HubError, "3 times in vain.*more bytes"),
        (Fault(flip_byte=True), DownloadError, "damaged twice"),
        (Fault(location="http://127.0.0.1:9/x"), HubError, "3 times in vain"),
    ],
)
def test_a_lasting_fault_has_its_error_and_leaves_no_file_of_that_name(
    hub: Hub, tmp_path: Path, fault: Fault, error: type[Exception], words: str
) -> None:
    file = file_of(hub)
    hub.faults.extend([fault] * 10)
    with pytest.raises(error, match=words) as raised:
        fetch(file, tmp_path)
    assert type(raised.value) is error
    assert not (tmp_path / "tiny.gguf").exists()


def test_a_gated_file_names_what_to_do(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(HubAccessError, match="Ask for access"):
        fetch(file_of(hub, gated=True), tmp_path)


def test_a_hash_that_never_matches_is_told(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="damaged twice"):
        fetch(file_of(hub, wrong_hash=True), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_is_stopped_keeps_what_has_come(hub: Hub, tmp_path: Path) -> None:
    file, stop = file_of(hub), Stop()
    hub.bytes_per_s = 1_000_000
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(CancelledByUserError):
        fetch(file, tmp_path, stop=stop)
    kept = (tmp_path / "tiny.gguf.part").stat().st_size
    hub.bytes_per_s = 0.0
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert hub.starts == [0, kept]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("fault", [Fault(stall_after=50_000), Fault(is_silent=True)])
@pytest.mark.parametrize("fixture", ["hub", "tls_hub"])
def test_a_transfer_that_waits_for_bytes_is_stopped_at_once(
    request: pytest.FixtureRequest, tmp_path: Path, fixture: str, fault: Fault
) -> None:
    server, stop = request.getfixturevalue(fixture), Stop()
    server.add(REPO, {"tiny.gguf": CONTENT})
    server.faults.append(fault)
    file = HubFile(path="tiny.gguf", size_bytes=len(CONTENT))
    source = Source(file, f"{server.url}/{REPO}/resolve/{REVISION}/tiny.gguf", {})
    target = tmp_path / "tiny.gguf"
    transfer = Transfer(source, target, policy=PATIENT, stop=stop, on_bytes=lambda _: None)
    stopper = threading.Thread(target=lambda: server.stalled.wait(30) and stop.set())
    stopper.start()
    with pytest.raises(CancelledByUserError):
        transfer.run()
    stopper.join()
    assert server.starts == [0]
