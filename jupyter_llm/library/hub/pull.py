"""From the name of a model on the Hub to its files on the disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from jupyter_llm.errors import HubError, InsufficientMemoryError, ModelNotFoundError
from jupyter_llm.library.hub import repo as hub
from jupyter_llm.library.hub.choose import Choice, choices, choose, fit_of
from jupyter_llm.library.hub.weights import Weights, weights_of
from jupyter_llm.types import Fit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_llm.library.hub.downloads import Downloads
    from jupyter_llm.library.hub.repo import HubRepo
    from jupyter_llm.types import Download

T = TypeVar("T")

_ANSWER_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A model that could be downloaded, and whether it fits this machine.

    One of a repository at most is `is_suggested`: that which `pull` takes if none is named.
    """

    choice: Choice
    fit: Fit
    is_suggested: bool = False


class Puller:
    """Finds models on the Hub and begins their downloads.

    `memory` tells how many bytes a model may have here.
    """

    def __init__(self, downloads: Downloads, memory: Callable[[], Awaitable[int]]) -> None:
        self.downloads = downloads
        self._memory = memory

    async def search(self, text: str, limit: int) -> list[HubRepo]:
        """Repositories with GGUF files, the most downloaded first.

        Raises:
            HubError: The Hub did not answer.
        """
        return await _answered(lambda: hub.search(text, limit))

    async def search_kind(self, text: str, limit: int, kind: str) -> list[HubRepo]:
        """Repositories with a tag of the Hub, the most downloaded first. Raises as `search`."""
        return await _answered(lambda: hub.search(text, limit, kind=kind))

    async def facts(self, repo_id: str) -> tuple[HubRepo, Weights, Fit]:
        """What a repository is, its weights, and whether these fit this machine.

        Raises:
            ModelNotFoundError: There is no such repository.
            HubError: The Hub did not answer, or does not let this account see it.
        """
        repo = await _answered(lambda: hub.describe(repo_id))
        memory = await self._memory()
        weights = weights_of(repo, memory)
        fit = fit_of(weights.size_bytes, memory) if weights.size_bytes else Fit.UNKNOWN
        return repo, weights, fit

    async def offers(self, repo_id: str) -> tuple[HubRepo, tuple[Offer, ...]]:
        """What a repository has, each with whether it fits.

        Raises:
            ModelNotFoundError: There is no such repository.
            HubError: The Hub did not answer, or does not let this account see it.
        """
        repo = await _answered(lambda: hub.describe(repo_id))
        memory = await self._memory()
        suggested = _suggested(repo, memory)
        return repo, tuple(
            Offer(
                choice=choice,
                fit=fit_of(choice.size_bytes, memory),
                is_suggested=choice == suggested,
            )
            for choice in choices(repo)
        )

    async def pull(self, name: str, wanted: str = "") -> Download:
        """Begin the download of `org/repo`, `org/repo:QUANTIZATION` or one of its files.

        Raises:
            ModelNotFoundError: There is no such repository or file.
            InsufficientMemoryError: Nothing was named and nothing fits this machine.
            InsufficientDiskError: It would not fit on the disk.
            HubError: The Hub did not answer, or does not let this account have it.
        """
        repo_id, _, quantization = name.partition(":")
        repo = await _answered(lambda: hub.describe(repo_id))
        await _answered(lambda: hub.check_access(repo))
        choice = choose(repo, wanted or quantization, await self._memory())
        projector = (choice.projector,) if choice.projector else ()
        return await self.downloads.begin(repo, (*choice.files, *projector))


def _suggested(repo: HubRepo, memory_bytes: int) -> Choice | None:
    try:
        return choose(repo, "", memory_bytes)
    except (ModelNotFoundError, InsufficientMemoryError):
        return None


async def _answered(ask: Callable[[], T]) -> T:
    """Ask in a thread, in bounded time."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(ask), _ANSWER_TIMEOUT_S)
    except TimeoutError:
        raise HubError(
            f"The Hub at {hub.endpoint()} did not answer within {_ANSWER_TIMEOUT_S:.0f} s."
        ) from None
