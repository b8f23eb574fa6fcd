"""Which projector a model sees or hears with."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.library.facts import DescribedModel, Projector

_NOT_THE_NAME = re.compile(
    r"mmproj|(?:^|[-._])(?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|BF16|F16|FP16|F32|MXFP4(?:_MOE)?)$",
    re.IGNORECASE,
)
_NAMELESS = {"", "model"}


def projector_for(
    found: DescribedModel, by_folder: Mapping[str, Sequence[Projector]]
) -> Projector | None:
    """The projector that belongs to a model, `None` where none does.

    It lies in the model's folder or in the one above.

    1. One that has the model's name belongs to it.
    2. One whose vectors are as long as the model's belongs to it if the model's name
       begins with its own, or if it has none (`mmproj-F16.gguf`).
    3. Of several the nearest name is taken, and of those the smallest.
    """
    folder = os.path.dirname(found.model.path)  # noqa: PTH120 - for every model of a listing
    near = (*by_folder.get(folder, ()), *by_folder.get(os.path.dirname(folder), ()))  # noqa: PTH120
    ranked = [
        (distance, projector.size_bytes, projector.path, projector)
        for projector in near
        if (distance := _distance(found, projector)) is not None
    ]
    return min(ranked, key=lambda rank: rank[:3])[3] if ranked else None


def _distance(found: DescribedModel, projector: Projector) -> int | None:
    """How many letters the names differ by; `None` where the two do not belong together."""
    model_name, name = _plain_name(found.model.id), _plain_name(projector.stem)
    if name == model_name:
        return 0
    fits = found.width == projector.width != 0
    if fits and (name in _NAMELESS or model_name.startswith(name)):
        return len(model_name) - (0 if name in _NAMELESS else len(name))
    return None


def _plain_name(stem: str) -> str:
    """The name without what projectors and quantizations are marked with."""
    before = None
    while before != stem:
        before, stem = stem, _NOT_THE_NAME.sub("", stem).strip("-._")
    return stem.lower()
