"""What a listing says of models: what they would take, and whether that fits."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from machine_memory import pool_of
from stage import scenario, stage
from troupe import Part

from jupyter_llm.engines import select
from jupyter_llm.engines.estimate import estimate
from jupyter_llm.errors import EngineUnavailableError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.manager.decide import fit_of
from jupyter_llm.manager.listing import with_loaded
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.types import (
    Fit,
    ListedModel,
    LoadOptions,
    MemoryUse,
    Model,
    ModelState,
    ModelStatus,
)

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Model(
    id="m",
    format="gguf",
    engine="llama_cpp",
    size_bytes=1000,
    context_length=32_768,
    num_kv_values=64,
)


def manager(memory_bytes: int, **settings: Any) -> ModelManager:
    pool = pool_of(memory_bytes, margin_bytes=settings.get("memory_margin_bytes", 0))
    return ModelManager(settings=ManagerSettings(**settings), pool=pool)


def listed(found: ModelManager) -> dict[str, ListedModel]:
    return {each.status.model.id: each for each in asyncio.run(found.inventory()).models}


@pytest.mark.parametrize(
    ("options", "kv_cache_bytes"),
    [
        (LoadOptions(), 64 * 2 * 8192 * 2),
        (LoadOptions(context_length=100, slots=1), 64 * 2 * 100),
        (LoadOptions(context_length=100, slots=8), 64 * 2 * 200),
        (LoadOptions(num_kv_cells=64, kv_type="q8_0"), 64 * 64 // 32 * 34),
        (LoadOptions(num_kv_cells=64, kv_type="f32"), 64 * 64 * 4),
        (LoadOptions(context_length=1 << 20), 64 * 2 * 32_768),
    ],
    ids=["defaults", "one slot", "two share", "quantized", "f32", "more than it can"],
)
def test_the_estimate_is_weights_and_kv_cache(options: LoadOptions, kv_cache_bytes: int) -> None:
    assert estimate(SMALL, options) == MemoryUse(weights_bytes=1000, kv_cache_bytes=kv_cache_bytes)


def test_the_estimate_of_the_guide_comes_near_to_what_a_probe_finds() -> None:
    probe = pytest.importorskip("jupyter_llm.engines.llama_cpp.probe")
    guide = asyncio.run(Catalogue([], None).resolve(str(GUIDE_PATH)))
    for options in (LoadOptions(), LoadOptions(slots=1, kv_type="q8_0")):
        found = asyncio.run(probe.probe(guide, options)).memory
        guessed = estimate(guide, options)
        # the probe reads what llama.cpp logs, in hundredths of a mebibyte
        assert guessed.kv_cache_bytes == pytest.approx(found.kv_cache_bytes, rel=0.01)
        assert guessed.weights_bytes == pytest.approx(found.weights_bytes, rel=0.05)


@pytest.mark.parametrize(
    ("memory_bytes", "fit"), [(120, Fit.FITS), (119, Fit.TIGHT), (99, Fit.WILL_NOT_FIT)]
)
def test_a_fifth_to_spare_is_a_fit(memory_bytes: int, fit: Fit) -> None:
    assert fit_of(100, memory_bytes) is fit


def test_a_model_is_measured_with_all_the_memory_that_models_may_have() -> None:
    need = listed(manager(1 << 40))["guide"].estimate.total_bytes
    for found, fit in (
        (manager(2 * need), Fit.FITS),
        (manager(need), Fit.TIGHT),
        (manager(need - 1), Fit.WILL_NOT_FIT),
        (manager(1 << 40, memory_budget_bytes=need), Fit.TIGHT),
        (manager(2 * need, memory_margin_bytes=need + 1), Fit.WILL_NOT_FIT),
        (manager(need, default_options=LoadOptions(context_length=16, slots=1)), Fit.FITS),
    ):
        assert listed(found)["guide"].fit is fit
    assert listed(manager(0))["echo"].fit is Fit.FITS


@scenario
async def test_what_a_model_took_is_believed_before_what_it_should_take() -> None:
    async with stage(Part(need_bytes=77)) as s:

        async def echo() -> ListedModel:
            models = (await s.manager.inventory()).models
            return next(each for each in models if each.status.model.id == "echo")

        assert (await echo()).estimate.total_bytes == 0
        await s.manager.load("echo")
        assert (await echo()).status.state is ModelState.READY
        assert (await echo()).estimate == MemoryUse(weights_bytes=77)
        await s.manager.unload("echo")
        assert (await echo()).estimate == MemoryUse(weights_bytes=77), "the probe's answer"


def test_a_model_that_no_engine_runs_is_listed_with_the_reason_and_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> object:
        return None if name == "mlx_lm" else find_spec(name)

    monkeypatch.setattr(select, "find_spec", find)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text('{"model_type": "llama"}')
    header = b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    data = len(header).to_bytes(8, "little") + header + bytes(4)
    (tmp_path / "m" / "model.safetensors").write_bytes(data)
    found = manager(1 << 40, models_dirs=(str(tmp_path),))
    assert "pip install 'jupyter-llm[mlx]'" in listed(found)["m"].unavailable
    assert listed(found)["m"].fit is Fit.UNKNOWN
    assert "m" not in [status.model.id for status in asyncio.run(found.models())]
    with pytest.raises(EngineUnavailableError, match="mlx-lm is not installed"):
        asyncio.run(found.load("m"))


def test_a_model_in_memory_whose_file_is_gone_is_listed() -> None:
    ready = ModelStatus(model=SMALL, state=ModelState.READY)
    assert with_loaded([], [ready]) == (ready,)
    assert with_loaded([SMALL], [ready]) == (ready,)


def test_what_the_operator_names_by_path_is_offered(tmp_path: Path) -> None:
    settings = ManagerSettings(
        default_model=str(tmp_path / "a.gguf"), aliases={"x": "~/b.gguf", "y": "guide"}
    )
    assert settings.model_paths == (str(tmp_path / "a.gguf"), "~/b.gguf")
