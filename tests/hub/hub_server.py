"""A small Hub: repositories, redirects to a store of blobs, ranges, and faults on demand.

It answers what huggingface_hub and a download ask for, in the form in which
huggingface.co answers it.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with one request for bytes; it is used up by it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    is_silent: bool = False
    flip_byte: bool = False
    extra: bytes = b""
    ignores_range: bool = False
    shifts_range: bool = False
    location: str = ""


@dataclass(kw_only=True)
class Repository:
    files: dict[str, bytes]
    gated: bool = False
    private: bool = False
    tags: tuple[str, ...] = ("gguf", "license:apache-2.0")
    downloads: int = 10
    wrong_hash: bool = False
    card: dict[str, Any] = field(default_factory=dict)


class Hub:
    """Started by `with`; `url` is its endpoint, `num_bytes` what it has sent of blobs.

    While `keeps_end` is set, no blob is sent to its end. `stalled` is set when a fault lets a
    client wait for bytes.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: deque[Fault] = deque()
        self.api_faults: deque[int] = deque()
        self.num_bytes = 0
        self.bytes_per_s = 0.0
        self.keeps_end = False
        self.tokens: list[str] = []
        self.starts: list[int] = []
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.released = threading.Event()
        self.stalled = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def add(self, repo_id: str, files: dict[str, bytes], **flags: Any) -> Repository:
        self.repositories[repo_id] = Repository(files=files, **flags)
        return self.repositories[repo_id]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._json(405, {})

    def do_GET(self) -> None:
        with suppress(ConnectionError):
            self._route()

    def _route(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.hub.tokens.append(self.headers.get("Authorization", ""))
        if path == "/api/models":
            self._search(query)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/auth-check", path):
            self._check_access(self.hub.repositories[found[1]])
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._info(found[1])
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            self._resolve(found[1], found[2])
        elif found := re.fullmatch(r"/blobs/([^/]+/[^/]+)/(.+)", path):
            self._blob(self.hub.repositories[found[1]].files[found[2]])
        elif path.startswith("/api/models/"):
            self._json(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        else:
            self._json(404, {"error": "Not found"})

    def _search(self, query: dict[str, list[str]]) -> None:
        text = query.get("search", [""])[0].lower()
        kind = query.get("filter", [""])[0]
        items = [
            _card(name, repo, with_files=False)
            for name, repo in self.hub.repositories.items()
            if text in name.lower() and not repo.private and kind in ("", *repo.tags)
        ]
        items.sort(key=lambda item: -item["downloads"])
        self._json(200, items[: int(query.get("limit", ["100"])[0])])

    def _info(self, name: str) -> None:
        if self.hub.api_faults:
            self._json(self.hub.api_faults.popleft(), {"error": "out of order"})
            return
        repo = self.hub.repositories.get(name)
        if repo is None or (repo.private and not self.headers.get("Authorization")):
            self._json(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        self._json(200, _card(name, repo, with_files=True))

    def _check_access(self, repo: Repository) -> None:
        if repo.gated and self.headers.get("Authorization") != "Bearer let-me-in":
            self._json(403, {"error": "Gated"}, {"X-Error-Code": "GatedRepo"})
        else:
            self._json(200, {})

    def _resolve(self, name: str, path: str) -> None:
        repo = self.hub.repositories.get(name)
        if repo is None or path not in repo.files:
            self._json(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        elif repo.gated and self.headers.get("Authorization") != "Bearer let-me-in":
            self._json(403, {"error": "Gated"}, {"X-Error-Code": "GatedRepo"})
        else:
            self._json(302, {}, {"Location": f"/blobs/{name}/{path}"})

    def _blob(self, content: bytes) -> None:
        fault = self.hub.faults.popleft() if self.hub.faults else Fault()
        if fault.location:
            self._json(302, {}, {"Location": fault.location})
            return
        if fault.status:
            self._json(fault.status, {"error": "out of order"}, fault.headers)
            return
        start = self._start(fault)
        self.hub.starts.append(start)
        if fault.is_silent:
            self._stall()
            return
        body = content[start:] + fault.extra
        if fault.flip_byte:
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(206 if start else 200)
        if start:
            shown = start + 1 if fault.shifts_range else start
            total = len(content)
            self.send_header("Content-Range", f"bytes {shown}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body, fault)

    def _start(self, fault: Fault) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(asked[1]) if asked and not fault.ignores_range else 0

    def _send(self, body: bytes, fault: Fault) -> None:
        end = min(x for x in (len(body), fault.cut_after, fault.stall_after) if x is not None)
        for begin in range(0, end, 1 << 16):
            if begin + (1 << 16) >= end:
                self._keep_back()
            piece = body[begin : min(begin + (1 << 16), end)]
            self.wfile.write(piece)
            self.hub.num_bytes += len(piece)
            if self.hub.bytes_per_s:
                time.sleep(len(piece) / self.hub.bytes_per_s)
        if fault.stall_after is not None:
            self._stall()
        if end < len(body):
            self.close_connection = True

    def _stall(self) -> None:
        self.hub.stalled.set()
        self.hub.released.wait(30)

    def _keep_back(self) -> None:
        """The last piece comes once the Hub is told to: a test acts in the middle of a download."""
        while self.hub.keeps_end and not self.hub.released.wait(0.02):
            pass

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _card(name: str, repo: Repository, *, with_files: bool) -> dict[str, Any]:
    card: dict[str, Any] = {
        "id": name,
        "modelId": name,
        "sha": REVISION,
        "private": repo.private,
        "gated": "manual" if repo.gated else False,
        "tags": list(repo.tags),
        "downloads": repo.downloads,
        "likes": 1,
        **repo.card,
    }
    if with_files:
        card["siblings"] = [_sibling(path, data, repo) for path, data in repo.files.items()]
    return card


def _sibling(path: str, data: bytes, repo: Repository) -> dict[str, Any]:
    sha1 = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    sibling = {"rfilename": path, "size": len(data), "blobId": sha1}
    if path.endswith(".gguf"):
        sha256 = "0" * 64 if repo.wrong_hash else hashlib.sha256(data).hexdigest()
        sibling["lfs"] = {"size": len(data), "sha256": sha256, "pointerSize": 134}
    return sibling
