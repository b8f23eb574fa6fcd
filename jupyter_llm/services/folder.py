"""The folder of a job: made with its key before it starts, and read for what it says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta

from jupyter_llm.errors import ClusterError
from jupyter_llm.services.script import KEY_FILE
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.services.shell import Shell

T = TypeVar("T")

_TIMEOUT_S = 30.0
_REMOVAL_TIMEOUT_S = 600.0
_AT_ONCE = 100
_MAX_KEY_BYTES = 1024
_KEY = re.compile(r"[a-z]+-[0-9a-f]{12}")

# the folder and the key are readable by their owner alone before anything is in them
_MAKE = 'umask 077; mkdir -p -m 700 "$1" && cat >"$1/$2"'
_RESOLVE = 'umask 077; mkdir -p "$1" && cd "$1" && pwd'
_READ = """
for folder; do
  printf '\\036%s\\n' "$folder"
  cat "$folder"/endpoints.jsonl* 2>/dev/null
  printf '\\035\\n'
  cat "$folder"/state.json* 2>/dev/null
done
exit 0
"""
# folders by their names, in the one that holds them all; what a link leads to is not ours
_REMOVE = r"""
cd -- "$1" || exit 1
shift
for key; do
  [ -L "$key" ] || rm -rf -- "$key" 2>/dev/null
  if [ -e "$key" ] || [ -L "$key" ]; then printf '%s\n' "$key"; fi
done
exit 0
"""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A server that the job has started; `pid` on its own node."""

    replica: int
    host: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    gpus: str = ""
    pid: int = 0


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What one task of a job has said last."""

    state: ServiceState
    exit_code: int = 0
    reason: str = ""
    at: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What a job says of itself: its servers, each as it was last started, and its last word.

    `last` is there once all tasks that began have ended.
    """

    endpoints: tuple[Endpoint, ...] = ()
    last: Word | None = None


_ENDPOINT = msgspec.json.Decoder(Endpoint)
_WORD = msgspec.json.Decoder(Word)


class Folders:
    """The folders of all jobs, below one that is made when it is first needed.

    A relative `root` stands below the home folder of the shell's machine.
    """

    def __init__(self, shell: Shell, root: str) -> None:
        self._shell = shell
        self._root = root
        self._resolved = ""

    async def path_of(self, key: str) -> str:
        """The absolute folder of a job."""
        if not self._resolved:
            done = await self._shell.run(["sh", "-c", _RESOLVE, "sh", self._root], timeout_s=30)
            self._resolved = done.stdout.decode(errors="surrogateescape").strip("\n")
            if done.returncode or not self._resolved:
                raise ClusterError(f"{self._root} cannot be made: {done.message}.")
        return f"{self._resolved}/{key}"

    async def make(self, folder: str, secret: str) -> None:
        """Make the folder, with the API key of the job's servers in it."""
        argv = ["sh", "-c", _MAKE, "sh", folder, KEY_FILE]
        done = await self._shell.run(argv, stdin=secret.encode(), timeout_s=_TIMEOUT_S)
        if done.returncode:
            raise ClusterError(f"{folder} cannot be made: {done.message}.")

    async def remove(self, keys: Sequence[str]) -> set[str]:
        """Delete the folders of these jobs; returns the keys of those that are still there.

        What is no key of ours names no folder of ours, and is left alone.

        Raises:
            ClusterError: The machine is not reached, or it takes too long.
        """
        root = (await self.path_of("")).rstrip("/")
        argv = ["sh", "-c", _REMOVE, "sh", root, *filter(is_key, keys)]
        done = await self._shell.run(argv, timeout_s=_REMOVAL_TIMEOUT_S)
        if done.returncode:
            raise ClusterError(f"{root} cannot be used: {done.message}.")
        left = set(done.stdout.decode(errors="replace").split())
        return left | {key for key in keys if not is_key(key)}

    async def secret_of(self, folder: str) -> str:
        """The API key of the job's servers, empty where it has gone."""
        read = await self._shell.read(f"{folder}/{KEY_FILE}", max_bytes=_MAX_KEY_BYTES)
        return read.decode(errors="replace").strip()

    async def accounts(self, folders: Sequence[str]) -> Mapping[str, Account]:
        """What these jobs say of themselves, a hundred with one command."""
        found: dict[str, Account] = {}
        for at in range(0, len(folders), _AT_ONCE):
            argv = ["sh", "-c", _READ, "sh", *folders[at : at + _AT_ONCE]]
            done = await self._shell.run(argv, timeout_s=_TIMEOUT_S)
            found |= parse_accounts(done.stdout.decode(errors="surrogateescape"))
        return found


def is_key(text: str) -> bool:
    """Whether it has the form of a service's key, which is a name and no path."""
    return _KEY.fullmatch(text) is not None


def parse_accounts(text: str) -> dict[str, Account]:
    """Accounts by folder; a line that is half written is left for the next time."""
    found: dict[str, Account] = {}
    for part in text.split("\x1e")[1:]:
        folder, _, rest = part.partition("\n")
        endpoints, _, words = rest.partition("\x1d")
        found[folder] = Account(endpoints=_endpoints(endpoints), last=_last(words))
    return found


def _endpoints(text: str) -> tuple[Endpoint, ...]:
    latest = {each.replica: each for each in _lines(text, _ENDPOINT)}
    return tuple(latest[index] for index in sorted(latest))


def _last(text: str) -> Word | None:
    words = list(_lines(text, _WORD))
    if not words or not all(word.state.is_final for word in words):
        return None
    return max(words, key=lambda word: (word.state is not ServiceState.COMPLETED, word.at))


def _lines(text: str, decoder: msgspec.json.Decoder[T]) -> list[T]:
    found = []
    for line in text.splitlines():
        try:
            found.append(decoder.decode(line.encode(errors="replace")))
        except msgspec.DecodeError:
            continue
    return found
