"""What an operator writes into `vector_dbs`, checked field by field."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from jupyter_llm.errors import UpstreamError
from jupyter_llm.vectors.address import Address

RESERVED = "local"
_Id = Annotated[str, Meta(pattern=r"^[A-Za-z_][\w.-]*$", max_length=64)]
"""It begins with a letter: a number is the id of a service."""

_WHERE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)


class RemoteDatabase(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A Qdrant by URL; its key is in a variable or a file, if it wants one."""

    id: _Id
    url: str
    key_env: str = ""
    key_file: str = ""
    ca_file: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0

    def address(self) -> Address:
        """Where it is, with the key as it is now; may look at the disk.

        Raises:
            UpstreamError: The key is not where it should be.
        """
        return Address(url=self.url, api_key=self._key(), ca_file=self.ca_file)

    def _key(self) -> str:
        if self.key_env:
            if not (key := os.environ.get(self.key_env, "").strip()):
                raise UpstreamError(
                    f"The key of {self.id} is to be in {self.key_env}: it is not set."
                )
            return key
        if self.key_file:
            try:
                return Path(self.key_file).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UpstreamError(
                    f"The key of {self.id} cannot be read from {self.key_file}: {error}."
                ) from None
        return ""


def databases_of(entries: Sequence[object]) -> tuple[RemoteDatabase, ...]:
    """The databases of a list of dicts.

    Raises:
        ValueError: One is wrong; the message names the entry and the field, and no value.
    """
    found = [_database(entry, f"vector_dbs[{number}]") for number, entry in enumerate(entries)]
    taken = {RESERVED}
    for number, one in enumerate(found):
        if one.id in taken:
            raise ValueError(f"vector_dbs[{number}].id: '{one.id}' is taken already.")
        taken.add(one.id)
    return tuple(found)


def _database(entry: object, place: str) -> RemoteDatabase:
    try:
        found = msgspec.convert(entry, RemoteDatabase)
    except msgspec.ValidationError as error:
        told = _WHERE.fullmatch(str(error))
        what, path = (told["what"], told["path"]) if told else (str(error), "")
        raise ValueError(f"{place}{f'.{path}' if path else ''}: {what}.") from None
    parts = urlsplit(found.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{place}.url: give http://host:6333 or https://host.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"{place}.url: leave out passwords and what follows '?' or '#'.")
    if found.key_env and found.key_file:
        raise ValueError(f"{place}.key_file: key_env is given, too; leave one of them out.")
    return msgspec.structs.replace(found, url=found.url.rstrip("/"))
