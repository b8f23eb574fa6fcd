"""Which files of a repository to take, and whether they fit this machine."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jupyter_llm.errors import InsufficientMemoryError, ModelNotFoundError
from jupyter_llm.types import Fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.library.hub.repo import HubFile, HubRepo

_PART = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_QUANTIZATION = re.compile(
    r"(?:^|[-._])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|FP16|F32))$",
    re.IGNORECASE,
)
_PREFERRED = ("Q4_K_M", "Q4_K_S", "Q4_K_L", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1")
_OVERHEAD = 1.1
"""Beside its weights a model needs a KV cache and buffers; the probe measures them later."""

_COMFORT = 1.4
"""With so much more than its file, a model has room for long conversations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One way to take a model: the file or the parts of one quantization.

    `projector` is the file that a model of this repository sees images with.
    """

    name: str
    quantization: str
    files: tuple[HubFile, ...]
    projector: HubFile | None = None

    @property
    def size_bytes(self) -> int:
        """What is to be downloaded."""
        projector = self.projector.size_bytes if self.projector else 0
        return sum(file.size_bytes for file in self.files) + projector


def choices(repo: HubRepo) -> tuple[Choice, ...]:
    """Every model that the repository's GGUF files hold, the smallest first."""
    groups: dict[str, list[HubFile]] = defaultdict(list)
    projectors = []
    for file in repo.files:
        name = PurePosixPath(file.path).name
        if not name.lower().endswith(".gguf"):
            continue
        if "mmproj" in name.lower():
            projectors.append(file)
        elif "imatrix" not in name.lower():
            part = _PART.fullmatch(file.path)
            groups[part["stem"] if part else file.path[: -len(".gguf")]].append(file)
    projector = min(projectors, key=lambda file: file.size_bytes, default=None)
    found = [
        Choice(
            name=PurePosixPath(stem).name,
            quantization=quantization_of(stem),
            files=tuple(sorted(files, key=lambda file: file.path)),
            projector=projector,
        )
        for stem, files in groups.items()
    ]
    return tuple(sorted(found, key=lambda choice: (choice.size_bytes, choice.name)))


def quantization_of(stem: str) -> str:
    """The quantization that a file's name without suffix ends with; empty if it names none."""
    found = _QUANTIZATION.search(stem)
    return found[1].upper().removeprefix("UD-").replace("FP16", "F16") if found else ""


def fit_of(size_bytes: int, memory_bytes: int) -> Fit:
    """Whether weights of this size run in so much memory: well, barely, or not."""
    if size_bytes * _COMFORT <= memory_bytes:
        return Fit.FITS
    return Fit.TIGHT if size_bytes * _OVERHEAD <= memory_bytes else Fit.WILL_NOT_FIT


def choose(repo: HubRepo, wanted: str, memory_bytes: int) -> Choice:
    """Take the quantization or file that is `wanted`; without one, what suits the machine.

    1. A repository with one model leaves no choice.
    2. Four bits are the usual compromise: the first of Q4_K_M, Q4_K_S … that fits.
    3. If the repository has none of them, the largest that fits.
    4. If they are too big, the largest that fits at all, if barely.

    Raises:
        ModelNotFoundError: There is no GGUF file, or none of the wanted kind.
        InsufficientMemoryError: Nothing fits; the message gives the smallest.
    """
    found = choices(repo)
    if not found:
        raise ModelNotFoundError(
            f"{repo.id} has no GGUF files. Look for a repository whose name ends with -GGUF.",
            param="repo_id",
        )
    if wanted:
        return _wanted(repo, wanted, found)
    if len(found) == 1:
        return found[0]
    by_quantization = {choice.quantization: choice for choice in found}
    preferred = [by_quantization[name] for name in _PREFERRED if name in by_quantization]
    largest_first = found[::-1]
    wishes = (preferred, Fit.FITS), (largest_first, Fit.FITS), (largest_first, Fit.TIGHT)
    for candidates, accepted in wishes:
        if fitting := _first(candidates, accepted, memory_bytes):
            return fitting
    smallest = found[0]
    raise InsufficientMemoryError(
        f"No quantization of {repo.id} fits into the {memory_bytes / 2**30:.1f} GiB of this "
        f"machine; the smallest is {smallest.quantization or smallest.name} with "
        f"{smallest.size_bytes / 2**30:.1f} GiB. Name one to download it all the same."
    )


def _first(candidates: Sequence[Choice], accepted: Fit, memory_bytes: int) -> Choice | None:
    return next((c for c in candidates if fit_of(c.size_bytes, memory_bytes) is accepted), None)


def _wanted(repo: HubRepo, wanted: str, found: Sequence[Choice]) -> Choice:
    for choice in found:
        paths = {file.path for file in choice.files}
        names = {choice.name.lower(), choice.quantization.lower()}
        if wanted in paths or wanted.lower().removesuffix(".gguf") in names:
            return choice
    offered = ", ".join(choice.quantization or choice.name for choice in found)
    raise ModelNotFoundError(f"{repo.id} has no {wanted!r}. It has: {offered}.", param="filename")
