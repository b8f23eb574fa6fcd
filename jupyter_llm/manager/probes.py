"""What models need in memory, remembered as long as their files stay the same."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_llm.types import LoadOptions, MemoryUse, Model

_Stamp = tuple[int, int]
Stamps = tuple[_Stamp, ...]
"""Of all files of a load: when they were changed, and how large they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSpec:
    """A model, the engine that is to run it, and how."""

    model: Model
    engine_name: str
    options: LoadOptions


class Probes:
    """Asks once for each file, engine and set of options."""

    def __init__(self) -> None:
        self._answers: dict[LoadSpec, tuple[Stamps, MemoryUse]] = {}

    async def need(self, spec: LoadSpec, probe: Callable[[], Awaitable[MemoryUse]]) -> MemoryUse:
        """What the model takes in memory; `probe` finds it out where it is not known."""
        stamps = await asyncio.to_thread(stamps_of, spec)
        answer = self._answers.get(spec)
        if answer is None or answer[0] != stamps:
            answer = self._answers[spec] = stamps, await probe()
        return answer[1]

    def known(self, spec: LoadSpec) -> MemoryUse | None:
        """What was found out of these very files; looks at the disk, so not for an event loop."""
        answer = self._answers.get(spec)
        return answer[1] if answer and answer[0] == stamps_of(spec) else None

    def forget(self, model: Model) -> None:
        """Ask again next time: what was said of this model may be wrong."""
        kept = {spec: answer for spec, answer in self._answers.items() if spec.model.id != model.id}
        self._answers = kept


def stamps_of(spec: LoadSpec) -> Stamps:
    """How the files are on the disk now; blocks."""
    options = spec.options
    return tuple(
        map(_stamp, (spec.model.path, *(options.adapters or ()), options.draft_model or ""))
    )


def _stamp(path: str) -> _Stamp:
    """Time of change (ns) and size (bytes) of a file; zeros where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - an empty path is no path
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
