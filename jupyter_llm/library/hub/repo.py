"""What the Hub says of a model, asked through huggingface_hub.

Nothing here is called on the event loop: a call may take as long as its timeout.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_llm.errors import HubAccessError, HubError, InvalidRequestError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub.hf_api import ModelInfo, RepoSibling

TIMEOUT_S = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HubFile:
    """A file of a repository; `sha256` is empty for small ones, which have a git hash."""

    path: str
    size_bytes: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class HubRepo:
    """A model repository at one commit, `revision`.

    `architectures` are those of its `config.json` or its GGUF files, as far as the Hub knows
    them, and `num_parameters` what it has counted, 0 where it has not. `task` is its word for
    what the model does.
    """

    id: str
    revision: str
    files: tuple[HubFile, ...]
    licence: str = ""
    is_gated: bool = False
    num_downloads: int = 0
    num_likes: int = 0
    architectures: tuple[str, ...] = ()
    num_parameters: int = 0
    task: str = ""


def describe(repo_id: str, revision: str | None = None) -> HubRepo:
    """Ask for a repository and its files.

    Raises:
        ModelNotFoundError: There is none of this name, or none that this token may see.
        HubAccessError: It is gated, and this token has not been let in.
        HubError: The Hub did not answer as it should.
    """
    from huggingface_hub import HfApi

    with translated(repo_id):
        info = HfApi(endpoint()).model_info(
            repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT_S
        )
    return _repo(info)


def check_access(repo: HubRepo) -> None:
    """See that this token may have the files of a gated repository.

    Raises:
        HubAccessError: It may not; the message has the page to visit.
        HubError: The Hub did not answer as it should.
    """
    from huggingface_hub import HfApi

    if repo.is_gated:
        with translated(repo.id):
            HfApi(endpoint()).auth_check(repo.id)


def search(text: str, limit: int, *, kind: str = "gguf") -> list[HubRepo]:
    """The most downloaded repositories whose names fit `text`, without files.

    `kind` is a tag that they must have, such as `gguf` for those with GGUF files.

    Raises:
        HubError: The Hub did not answer as it should.
    """
    from huggingface_hub import HfApi

    with translated(text):
        hub = HfApi(endpoint())
        found = list(hub.list_models(search=text, filter=kind, sort="downloads", limit=limit))
    return [replace(_repo(info), files=()) for info in found]


def endpoint() -> str:
    """The Hub that is asked: `HF_ENDPOINT`, or huggingface_hub's own choice."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or constants.ENDPOINT


def file_url(repo_id: str, revision: str, path: str) -> str:
    """Where the Hub serves this file of a repository at this commit."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(repo_id, path, revision=revision, endpoint=endpoint())


def request_headers() -> dict[str, str]:
    """What a request for a file is sent with: the user's token, if there is one."""
    from huggingface_hub.utils._headers import build_hf_headers

    return build_hf_headers(library_name="jupyter-llm")


@contextmanager
def translated(repo_id: str) -> Iterator[None]:
    """huggingface_hub's errors as ours, with what to do next."""
    from huggingface_hub import errors

    page = f"{endpoint()}/{repo_id}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise HubAccessError(
            f"{repo_id} is gated. Ask for access at {page}, and set HF_TOKEN to a token of the "
            "account that has it."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelNotFoundError(
            f"The Hub has no model {repo_id!r}, or only for others: if it is private, set "
            f"HF_TOKEN to a token that may read it. Its page would be {page}.",
            param="repo_id",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelNotFoundError(
            f"{repo_id} has no such revision. See {page} for those it has.", param="revision"
        ) from error
    except errors.HFValidationError as error:
        raise InvalidRequestError(
            f"{repo_id!r} is no name of a repository; they look like 'org/name'.", param="repo_id"
        ) from error
    # a RuntimeError where another thread's request has failed and closed the client they share
    except (errors.HTTPError, OSError, RuntimeError) as error:  # type: ignore[attr-defined]
        raise HubError(f"The Hub at {endpoint()} did not answer: {error}") from error


def _repo(info: ModelInfo) -> HubRepo:
    config, gguf = info.config or {}, info.gguf or {}
    architectures = config.get("architectures") or [gguf.get("architecture")]
    stored = info.safetensors.total if info.safetensors else gguf.get("total")
    return HubRepo(
        id=info.id,
        revision=info.sha or "main",
        files=tuple(map(_file, info.siblings or ())),
        licence=_licence(info),
        is_gated=bool(info.gated),
        num_downloads=info.downloads or 0,
        num_likes=info.likes or 0,
        architectures=tuple(str(name) for name in architectures if name),
        num_parameters=stored if isinstance(stored, int) else 0,
        task=info.pipeline_tag or "",
    )


def _file(sibling: RepoSibling) -> HubFile:
    return HubFile(
        path=sibling.rfilename,
        size_bytes=sibling.size or 0,
        sha256=sibling.lfs.sha256 if sibling.lfs else "",
        git_sha1="" if sibling.lfs else sibling.blob_id or "",
    )


def _licence(info: ModelInfo) -> str:
    tags = info.tags or ()
    return next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")
