"""The server's own API keys, for clients that Jupyter's token does not serve.

Only a SHA-256 of each secret is stored: it is 32 random bytes, so there is
nothing to guess, and a slow hash would only slow every request down.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import msgspec
from jupyter_core.paths import jupyter_data_dir

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows: two commands at the same instant are a person's own affair
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

PREFIX = "jllm-"

_MAX_DAYS = 36_500

SCOPES = ("read", "execute", "write")
"""What a key may be made for: to list and watch, to generate, to load and administer."""


def default_path() -> Path:
    """Where the keys of this user are, for servers and the command line alike."""
    return Path(jupyter_data_dir(), "jupyter_llm", "api_keys.json")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; the secret itself was shown once and forgotten.

    `models` are the ids or aliases of those that it may use, `None` for all. Of the quotas
    0 is none of its own. A key of a file from before it had these may do everything.
    """

    name: str
    sha256: str
    created: datetime
    expires: datetime | None = None
    scopes: tuple[str, ...] = SCOPES
    models: tuple[str, ...] | None = None
    requests_per_minute: int = 0
    tokens_per_day: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether there is anything that it may not do."""
        has_quota = bool(self.requests_per_minute or self.tokens_per_day)
        return has_quota or self.models is not None or not set(SCOPES) <= set(self.scopes)

    def is_valid(self, now: datetime) -> bool:
        """Whether the key may still be used."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a new key is for; see `ApiKey`."""

    scopes: tuple[str, ...] = SCOPES
    models: tuple[str, ...] | None = None
    requests_per_minute: int = 0
    tokens_per_day: int = 0

    def check(self) -> None:
        """See that a key can be made of it.

        Raises:
            InvalidRequestError: It cannot; `param` names the value.
        """
        if unknown := set(self.scopes).difference(SCOPES):
            raise InvalidRequestError(
                f"There is no scope {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}.",
                param="scopes",
            )
        if not self.scopes:
            raise InvalidRequestError("A key needs a scope to be of use.", param="scopes")
        if self.models is not None and not all(self.models):
            raise InvalidRequestError("The name of a model is not empty.", param="models")
        for param in ("requests_per_minute", "tokens_per_day"):
            if getattr(self, param) < 0:
                raise InvalidRequestError(f"{param} is 0 or more; 0 is no limit.", param=param)


def new_secret() -> str:
    """A secret that nobody can guess: 32 random bytes behind a prefix to know it by."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored and compared in place of the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyStore:
    """The keys in one JSON file, readable by its owner only.

    A server notices at the next request what a command line has changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def keys(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first, read again when the file has changed.

        Raises:
            InvalidRequestError: The file is damaged.
        """
        stamp = self._current_stamp()
        if stamp != self._stamp:
            self._keys = _read(self._path)
            self._stamp = stamp
        return self._keys

    def verify(self, secret: str) -> ApiKey | None:
        """The valid key that this secret belongs to; a damaged file has none."""
        if not secret.startswith(PREFIX):
            return None
        try:
            keys = self.keys()
        except InvalidRequestError as error:
            log.warning("%s", error)
            return None
        sent, now = digest(secret), datetime.now(UTC)
        # no early end: the time taken tells nothing about the keys
        matches = [key for key in keys if hmac.compare_digest(key.sha256, sent)]
        return next((key for key in matches if key.is_valid(now)), None)

    def create(
        self, name: str, grant: Grant | None = None, *, expires_days: float | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is never to be had again.

        Without a `grant` it may do everything, and without `expires_days` for ever.

        Raises:
            InvalidRequestError: The name is empty or taken, or a value is out of range.
        """
        if not name.strip():
            raise InvalidRequestError("A key needs a name.", param="name")
        if expires_days is not None and not 0 < expires_days <= _MAX_DAYS:
            raise InvalidRequestError(
                f"A key must live longer than 0 days, and {_MAX_DAYS} at most.",
                param="expires_days",
            )
        grant = grant or Grant()
        grant.check()
        secret, now = new_secret(), datetime.now(UTC)
        key = ApiKey(
            name=name,
            sha256=digest(secret),
            created=now,
            expires=None if expires_days is None else now + timedelta(days=expires_days),
            scopes=tuple(scope for scope in SCOPES if scope in grant.scopes),
            models=grant.models,
            requests_per_minute=grant.requests_per_minute,
            tokens_per_day=grant.tokens_per_day,
        )
        with self._locked():
            if any(other.name == name for other in self.keys()):
                raise InvalidRequestError(
                    f"There is a key named '{name}' already. Revoke it or choose another name.",
                    param="name",
                )
            self._write((*self.keys(), key))
        return key, secret

    def revoke(self, name: str) -> None:
        """Delete the key of this name; whoever uses it is refused from now on.

        Raises:
            InvalidRequestError: There is none.
        """
        with self._locked():
            kept = tuple(key for key in self.keys() if key.name != name)
            if len(kept) == len(self.keys()):
                raise InvalidRequestError(f"There is no key named '{name}'.", param="name")
            self._write(kept)

    def _current_stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        # a replaced file is another inode even within one tick of the clock
        return status.st_mtime_ns, status.st_ino

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        # created 0600 by tempfile, and whole before it has the name
        with NamedTemporaryFile(dir=self._path.parent, delete=False) as file:
            file.write(msgspec.json.format(msgspec.json.encode(keys)))
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: reading, changing and replacing belong together."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> tuple[ApiKey, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[ApiKey, ...])
    except FileNotFoundError:
        return ()
    except msgspec.DecodeError as error:
        raise InvalidRequestError(
            f"{path} is damaged ({error}). Delete it, and create the keys anew."
        ) from error
