"""The small files beside weights, read without trusting them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from jupyter_llm.errors import ModelFileError

if TYPE_CHECKING:
    from jupyter_llm.library.files import FoundFile

T = TypeVar("T")

_MAX_JSON_BYTES = 64 << 20
_MAX_CARD_BYTES = 64 << 10
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)


def read_json(file: FoundFile, kind: type[T]) -> T:
    """The content of a JSON file.

    Raises:
        ModelFileError: It cannot be read or is no such JSON; the message names the file.
    """
    if file.size_bytes > _MAX_JSON_BYTES:
        raise ModelFileError(
            f"{file.name} has {file.size_bytes} bytes, far more than it should. It is damaged: "
            "download it again."
        )
    try:
        return msgspec.json.decode(_read(file, _MAX_JSON_BYTES), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(
            f"{file.name} is damaged ({error!s:.200}). Download it again."
        ) from error


def front_matter(card: FoundFile) -> dict[str, Any]:
    """What the head of a model card (`README.md`) states in YAML; empty where it states nothing.

    A card is written by hand for people: one that is no YAML says nothing, and the
    model beside it is sound.
    """
    found = _FRONT_MATTER.match(_read(card, _MAX_CARD_BYTES).decode(errors="replace"))
    if found is None:
        return {}
    import yaml

    try:
        stated = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _read(file: FoundFile, limit_bytes: int) -> bytes:
    try:
        with Path(file.path).open("rb") as opened:
            return opened.read(limit_bytes)
    except OSError as error:
        raise ModelFileError(f"{file.name} cannot be read: {error.strerror or error}.") from error
