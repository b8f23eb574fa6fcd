"""Downloads and the Hub's offers as JSON, and what asks for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError

from .decode import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.library.hub.pull import Offer
    from jupyter_llm.library.hub.repo import HubRepo
    from jupyter_llm.types import Download

_MAX_RESULTS = 100
# three digits at most: what Python calls a digit, int() need not understand
_LIMIT = re.compile(r"[1-9][0-9]{0,2}")


class DownloadBody(msgspec.Struct, forbid_unknown_fields=True):
    """A repository as `org/name` or `org/name:QUANTIZATION`, and which of its files."""

    repo_id: Annotated[str, Meta(min_length=1)]
    filename: str | None = None
    quantization: str | None = None


_DOWNLOAD = msgspec.json.Decoder(DownloadBody)


def download_call(body: bytes) -> tuple[str, str]:
    """The repository, and the file or quantization that is wanted; empty for our choice.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _DOWNLOAD)
    if asked.filename and asked.quantization:
        raise InvalidRequestError(
            "'filename' and 'quantization' name a file both; give one.", param="quantization"
        )
    return asked.repo_id, asked.filename or asked.quantization or ""


def search_limit(text: str) -> int:
    """How many results are asked for.

    Raises:
        InvalidRequestError: It is no number from 1 to 100.
    """
    if _LIMIT.fullmatch(text) and int(text) <= _MAX_RESULTS:
        return int(text)
    raise InvalidRequestError(
        f"'limit' is {text!r}; give a number from 1 to {_MAX_RESULTS}.", param="limit"
    )


def wants_dismissal(text: str) -> bool:
    """Whether a download is to be forgotten, too.

    Raises:
        InvalidRequestError: It is neither `true` nor `false`.
    """
    if text in {"true", "false"}:
        return text == "true"
    raise InvalidRequestError(f"'dismiss' is {text!r}; give true or false.", param="dismiss")


def download_body(download: Download) -> dict[str, Any]:
    """`Download` field by field."""
    return cast("dict[str, Any]", msgspec.to_builtins(download))


def downloaded_body(download: Download) -> dict[str, Any]:
    """The answer of `POST /load` with a `repo_id`, as single-model servers give it."""
    return {
        "status": "downloaded",
        "repo_id": download.repo_id,
        "filename": download.filenames[0],
        "path": download.path,
        "hint": f'POST /reload {{"model_path": "{download.path}"}}',
    }


def repo_body(repo: HubRepo) -> dict[str, Any]:
    """A repository without its files."""
    return {
        "id": repo.id,
        "licence": repo.licence,
        "gated": repo.is_gated,
        "downloads": repo.num_downloads,
        "likes": repo.num_likes,
    }


def offers_body(repo: HubRepo, offers: Sequence[Offer]) -> dict[str, Any]:
    """A repository and what could be downloaded of it."""
    return {
        **repo_body(repo),
        "files": [
            {
                "name": offer.choice.name,
                "quantization": offer.choice.quantization,
                "filenames": [file.path for file in offer.choice.files],
                "projector": offer.choice.projector.path if offer.choice.projector else None,
                "size_bytes": offer.choice.size_bytes,
                "fit": offer.fit,
                "suggested": offer.is_suggested,
            }
            for offer in offers
        ],
    }
