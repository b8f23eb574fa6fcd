"""Where images come from, and what they may be."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image as Files

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.fetching import Fetcher, is_public
from jupyter_llm.handlers.media import Media, MediaRules
from jupyter_llm.types import GenerationRequest, Image, Message, Model

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEING = Model(id="m", format="gguf", engine="llama_cpp", modalities=("text", "image"))
BLIND = Model(id="blind", format="gguf", engine="llama_cpp")


def png(size: tuple[int, int] = (4, 3)) -> bytes:
    stream = BytesIO()
    Files.new("RGB", size).save(stream, "PNG")
    return stream.getvalue()


def as_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


def asking(*urls: str) -> GenerationRequest:
    images = tuple(Image(param=f"part {number}", url=url) for number, url in enumerate(urls))
    messages = (Message(role="user", content="a"), Message(role="user", content="b", images=images))
    return GenerationRequest(id="1", model_id="m", messages=messages)


async def brought(*urls: str, model: Model = SEEING, **rules: object) -> list[bytes]:
    media = Media(MediaRules(**rules))  # type: ignore[arg-type]
    request = await media.brought(asking(*urls), model)
    images = (request.messages or ())[1].images
    assert all(image.url == "" for image in images)
    return [image.data for image in images]


async def refusal(*urls: str, model: Model = SEEING, **rules: object) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        await brought(*urls, model=model, **rules)
    return caught.value


async def test_data_urls_are_decoded_in_order() -> None:
    files = [png((1, 1)), png((2, 2))]
    assert await brought(*map(as_url, files)) == files


async def test_a_model_that_does_not_see_is_not_brought_anything() -> None:
    error = await refusal("https://example.org/x", model=BLIND)
    assert error.param == "part 0"
    assert "blind does not see" in error.message
    assert await Media(MediaRules()).brought(asking(), BLIND) == asking()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("data:text/plain;base64,AAAA", "no data URL of an image"),
        ("data:image/png,AAAA", "no data URL of an image"),
        ("data:image/png;base64,AA*A", "not valid base64"),
        ("data:image/png;base64,AAA", "not valid base64"),
        ("data:image/png;base64,é", "not valid base64"),
        (as_url(b"GIF"), "no image"),
        (as_url(b"<svg/>", "image/svg+xml"), "no image"),
        ("ftp://example.org/a.png", "begins with"),
        ("file:///etc/passwd", "begins with"),
        ("/etc/passwd", "begins with"),
        ("http://me@example.org/a.png", "has no user"),
        ("http://[::1", "could not be fetched"),
        ("https://example.org/a.png", "allowed_media_hosts does not have it"),
    ],
)
async def test_what_is_no_image_is_refused_by_its_name(url: str, words: str) -> None:
    error = await refusal(as_url(png()), url)
    assert error.param == "part 1"
    assert words in error.message


async def test_there_are_limits() -> None:
    small, large = png(), png((100, 100))
    at = (as_url(small), as_url(large))
    assert (await refusal(*at, max_images=1)).param == "part 1"
    assert (await refusal(*at, max_bytes=len(small) + 1)).param == "part 1"
    assert "max_media_bytes" in (await refusal(*at, max_bytes=len(small) + 1)).message
    assert "100 × 100" in (await refusal(*at, max_pixels=9999)).message
    assert await brought(*at, max_images=2, max_pixels=10_000) == [small, large]


class Server(ThreadingHTTPServer):
    """Answers with `files` by their paths; a text is where it redirects to."""

    daemon_threads = True

    def __init__(self, **files: bytes | str | int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.asked: list[tuple[str, str]] = []
        self.may_answer = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))
        found = self.server.files.get(self.path.strip("/"), 404)
        if isinstance(found, int):
            self.send_error(found)
        elif isinstance(found, str):
            self.send_response(302)
            self.send_header("Location", found)
            self.end_headers()
        else:
            if self.path == "/slow":
                self.server.may_answer.wait(10)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(found)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(**files: bytes | str | int) -> Iterator[Server]:
    server = Server(**files)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


async def test_an_allowed_host_is_asked() -> None:
    with serving(a=png(), b="/a", c="c", d="http://localhost:1/a", e=b"<html>", f=500) as server:
        base, allowed = f"http://{server.place}", (server.place,)
        assert await brought(f"{base}/a", allowed_hosts=allowed) == [png()]
        assert await brought(f"{base}/b", allowed_hosts=allowed) == [png()]
        assert server.asked == [(path, server.place) for path in ("/a", "/b", "/a")]
        for path, words in {
            "c": "from one place to the next",
            "d": "localhost are not fetched",
            "e": "no image",
            "f": "answered 500",
            "g": "answered 404",
        }.items():
            error = await refusal(f"{base}/{path}", allowed_hosts=allowed)
            assert words in error.message
            assert error.param == "part 0"


async def test_a_redirection_to_another_allowed_host_is_not_followed() -> None:
    with serving(a=png()) as other:
        there = f"http://localhost:{other.server_port}"
        with serving(b=f"{there}/a") as server:
            allowed = (server.place, f"localhost:{other.server_port}")
            error = await refusal(f"http://{server.place}/b", allowed_hosts=allowed)
            assert "redirects to another host, localhost" in error.message
        assert other.asked == []


async def test_a_file_that_is_too_large_is_not_read_to_its_end() -> None:
    with serving(a=png() + bytes(1 << 20)) as server:
        url = f"http://{server.place}/a"
        error = await refusal(url, allowed_hosts=(server.place,), max_bytes=1000)
        assert "max_media_bytes" in error.message
        data = await Fetcher((server.place,)).fetch(Image(param="x", url=url), 1000)
        assert len(data) == 1001


async def test_a_slow_host_is_not_waited_for() -> None:
    with serving(slow=png()) as server:
        url = f"http://{server.place}/slow"
        error = await refusal(url, allowed_hosts=(server.place,), timeout_s=0.2)
        assert "did not come within" in error.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "10.0.0.1"])
async def test_a_private_network_is_only_asked_by_name(host: str) -> None:
    error = await refusal(f"http://{host}/a", allowed_hosts=("*",))
    assert "private network" in error.message or "could not be fetched" in error.message
    if host == "127.0.0.1":
        error = await refusal(f"http://{host}:1/a", allowed_hosts=(host, "*"))
        assert "not fetched" in error.message
        error = await refusal(f"http://{host}:1/a", allowed_hosts=(f"{host}:1",))
        assert "ConnectError" in error.message


@pytest.mark.parametrize(
    ("url", "allowed", "is_asked"),
    [
        ("http://a.example.invalid/x", ("*.example.invalid",), True),
        ("http://A.EXAMPLE.invalid/x", ("a.Example.Invalid",), True),
        ("http://example.invalid/x", ("*.example.invalid",), False),
        ("http://badexample.invalid/x", ("*.example.invalid",), False),
        ("http://example.invalid.evil.invalid/x", ("example.invalid",), False),
        ("http://a.example.invalid:8080/x", ("*.example.invalid",), False),
        ("https://a.example.invalid/x", ("a.example.invalid:8080",), False),
    ],
)
async def test_hosts_are_what_they_are_written(
    monkeypatch: pytest.MonkeyPatch, url: str, allowed: tuple[str, ...], is_asked: bool
) -> None:
    looked_up: list[str] = []

    async def look_up(_loop: object, host: str, *_: object, **__: object) -> list[object]:
        looked_up.append(host)
        raise OSError("no network here")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
    await refusal(url, allowed_hosts=allowed)
    assert bool(looked_up) is is_asked


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_addresses_of_the_internet_are_told_from_others(address: str, expected: bool) -> None:
    assert is_public(address) is expected
