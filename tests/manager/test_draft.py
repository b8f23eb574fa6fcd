"""The draft model of a load is named as models are, and an engine gets its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from stage import scenario, stage, write_model

from jupyter_llm.errors import InvalidRequestError, LLMError, ModelNotFoundError
from jupyter_llm.types import LoadOptions

if TYPE_CHECKING:
    from pathlib import Path


def folder(path: Path) -> dict[str, Any]:
    for name in ("large", "small"):
        write_model(path / f"{name}.gguf")
    return {"models_dirs": (str(path),), "aliases": {"quick": "small"}}


@pytest.mark.parametrize("name", ["small", "quick", "small.gguf"])
def test_any_name_of_a_model_becomes_its_path(tmp_path: Path, name: str) -> None:
    @scenario
    async def load() -> None:
        async with stage(**folder(tmp_path)) as s:
            await s.manager.load("large", LoadOptions(draft_model=name))
            assert s.engine.options == LoadOptions(draft_model=str(tmp_path / "small.gguf"))
            await s.manager.load("large", LoadOptions(draft_model="small"))
            with pytest.raises(InvalidRequestError) as refused:
                await s.manager.load("large", LoadOptions(draft_model=""))
            assert refused.value.param == "draft_model"

    load()


def test_a_model_that_has_one_in_its_options_is_loaded_without_where_none_is_asked_for(
    tmp_path: Path,
) -> None:
    @scenario
    async def load() -> None:
        options = {"model_options": {"large": LoadOptions(draft_model="quick")}}
        async with stage(**folder(tmp_path), **options) as s:
            await s.manager.load("large")
            assert s.engine.options == LoadOptions(draft_model=str(tmp_path / "small.gguf"))
            await s.manager.unload("large")
            await s.manager.load("large", LoadOptions(draft_model=""))
            assert s.engine.options == LoadOptions(draft_model="")

    load()


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("smal", ModelNotFoundError, "Did you mean small"),
        ("echo", InvalidRequestError, "the same format"),
    ],
)
def test_what_cannot_be_a_draft_model_is_refused(
    tmp_path: Path, name: str, error: type[LLMError], message: str
) -> None:
    @scenario
    async def load() -> None:
        async with stage(**folder(tmp_path)) as s:
            with pytest.raises(error, match=message) as refused:
                await s.manager.load("large", LoadOptions(draft_model=name))
            assert refused.value.param == "draft_model"

    load()
