"""One file from the Hub to the disk, however often the connection breaks.

huggingface_hub's own download neither notices a stall, nor can it be cancelled, nor
does it go on at the byte where a killed process stopped; so the bytes are fetched here,
with httpx, and huggingface_hub says from where.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_llm.errors import DownloadError, HubAccessError, HubError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from jupyter_llm.library.hub.repo import HubFile
    from jupyter_llm.library.hub.stop import Stop

_CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_HTTP_OK, _HTTP_PARTIAL, _HTTP_NO_SUCH_RANGE = 200, 206, 416
_HTTP_TOO_MANY, _HTTP_SERVER_ERROR = 429, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How long to wait for bytes, and how often to begin again without any.

    The wait before a try doubles from `first_delay_s` up to `max_delay_s`, shortened at
    random by up to a half, so that clients do not come back all at once.
    """

    connect_timeout_s: float = 10.0
    stall_timeout_s: float = 30.0
    max_failures: int = 7
    first_delay_s: float = 1.0
    max_delay_s: float = 60.0


class Source(NamedTuple):
    """A file, where it is to be had, and the headers to ask with."""

    file: HubFile
    url: str
    headers: dict[str, str]


class CancelledByUserError(Exception):
    """The transfer was told to stop; what has come stays for the next time."""


class _TransientError(Exception):
    """Worth another try, after `retry_after_s` if the server said so."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Transfer:
    """Fetches a file to `target`; runs in a thread.

    The bytes go to `target` with `.part` behind it, and get the name when they are whole
    and their hash is right. `on_bytes` is told how many there are.
    """

    def __init__(
        self,
        source: Source,
        target: Path,
        *,
        policy: RetryPolicy,
        stop: Stop,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._file, self._url, self._headers = source
        self._target = target
        self._part = target.with_name(target.name + ".part")
        self._policy = policy
        self._stop = stop
        self._on_bytes = on_bytes

    def run(self) -> None:
        """Fetch what is missing, check it, and give it its name.

        Raises:
            CancelledByUserError: `stop` was set.
            HubAccessError, ModelNotFoundError: The Hub refuses the file.
            HubError: The Hub did not deliver, however often it was asked.
            DownloadError: What it delivers is not what it promised.
        """
        if self._is_there():
            self._on_bytes(self._file.size_bytes)
            return
        self._target.parent.mkdir(parents=True, exist_ok=True)
        for is_last in (False, True):
            self._fetch_all()
            if self._has_right_hash():
                self._part.replace(self._target)
                return
            self._part.unlink()
            if is_last:
                raise DownloadError(
                    f"{self._file.path} arrived damaged twice: its hash is not the one that the "
                    "Hub gives. Try again later, or tell the owner of the repository."
                )

    def _is_there(self) -> bool:
        try:
            return self._target.stat().st_size == self._file.size_bytes
        except FileNotFoundError:
            return False

    def _fetch_all(self) -> None:
        import httpx

        timeout = httpx.Timeout(
            self._policy.stall_timeout_s, connect=self._policy.connect_timeout_s
        )
        num_failures = 0
        with httpx.Client(timeout=timeout, follow_redirects=True) as http:
            while (done := self._done_bytes()) < self._file.size_bytes or not self._part.exists():
                try:
                    self._fetch_some(http, done)
                except (httpx.TransportError, _TransientError) as error:
                    num_failures = 1 if self._done_bytes() > done else num_failures + 1
                    self._pause(num_failures, error)

    def _fetch_some(self, http: httpx.Client, start: int) -> None:
        headers = {**self._headers, "Range": f"bytes={start}-"} if start else self._headers
        request = http.stream("GET", self._url, headers=headers, extensions=self._stop.extensions)
        with request as response:
            mode = self._mode(response, start)
            with self._part.open(mode, buffering=0) as part:
                done = part.tell()
                for chunk in response.iter_raw():
                    self._check_stop()
                    part.write(chunk)
                    done += len(chunk)
                    self._on_bytes(done)
                    if done > self._file.size_bytes:
                        break
                os.fsync(part.fileno())
        if done > self._file.size_bytes:
            self._part.unlink()
            raise _TransientError("it sent more bytes than the file has")
        if done < self._file.size_bytes:
            raise _TransientError("it closed the connection before the end of the file")

    def _mode(self, response: httpx.Response, start: int) -> str:
        """How to open the part for what this response brings."""
        status = response.status_code
        if status == _HTTP_PARTIAL and _begins_at(response, start):
            return "ab"
        if status == _HTTP_OK:
            return "wb"
        if status in (_HTTP_NO_SUCH_RANGE, _HTTP_PARTIAL):
            self._part.unlink(missing_ok=True)
            raise _TransientError("it could not go on where the download had stopped")
        if status == _HTTP_TOO_MANY or status >= _HTTP_SERVER_ERROR:
            raise _TransientError(f"it answered {status}", _retry_after_s(response))
        raise self._refusal(status)

    def _refusal(self, status: int) -> HubError | ModelNotFoundError:
        if status in (401, 403):
            return HubAccessError(
                f"The Hub does not let this account have {self._file.path} (it answered "
                f"{status}). Ask for access on the model's page, and set HF_TOKEN to a token of "
                "the account that has it."
            )
        if status in (404, 410):
            return ModelNotFoundError(
                f"The Hub has no {self._file.path} any more (it answered {status}).",
                param="filename",
            )
        return HubError(f"The Hub refused {self._file.path}: it answered {status}.")

    def _pause(self, num_failures: int, error: Exception) -> None:
        self._check_stop()
        policy = self._policy
        if num_failures >= policy.max_failures:
            raise HubError(
                f"{self._file.path} was not downloaded: the Hub was asked {num_failures} times "
                f"in vain, at last {error or type(error).__name__}. What has come is kept; start "
                "the download again to go on."
            ) from error
        delay_s = min(policy.first_delay_s * 2 ** (num_failures - 1), policy.max_delay_s)
        delay_s *= random.uniform(0.5, 1.0)  # noqa: S311 - not secret
        asked_s = getattr(error, "retry_after_s", None)
        self._stop.wait(min(asked_s, policy.max_delay_s) if asked_s else delay_s)
        self._check_stop()

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise CancelledByUserError

    def _done_bytes(self) -> int:
        try:
            size = self._part.stat().st_size
        except FileNotFoundError:
            return 0
        if size > self._file.size_bytes:
            self._part.unlink()
            return 0
        return size

    def _has_right_hash(self) -> bool:
        """Compare with the SHA-256 of large files, or with git's hash of small ones."""
        if self._file.sha256:
            return self._digest(hashlib.sha256()) == self._file.sha256
        if self._file.git_sha1:
            sha1 = hashlib.sha1(b"blob %d\0" % self._file.size_bytes, usedforsecurity=False)
            return self._digest(sha1) == self._file.git_sha1
        return True

    def _digest(self, running: Any) -> str:
        with self._part.open("rb") as part:
            while chunk := part.read(_CHUNK_BYTES):
                self._check_stop()
                running.update(chunk)
        return str(running.hexdigest())


def _begins_at(response: httpx.Response, start: int) -> bool:
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return bool(found) and int(found[1]) == start  # type: ignore[index]  # found is no None here


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds that the server asks for; a date is not worth parsing for a back-off."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
