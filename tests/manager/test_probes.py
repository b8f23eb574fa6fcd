from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from stage import scenario

from jupyter_llm.manager.probes import LoadSpec, Probes
from jupyter_llm.types import LoadOptions, MemoryUse, Model

if TYPE_CHECKING:
    from pathlib import Path


class Prober:
    def __init__(self) -> None:
        self.num_probes = 0

    async def __call__(self) -> MemoryUse:
        self.num_probes += 1
        return MemoryUse(weights_bytes=self.num_probes)


def spec_of(path: Path) -> LoadSpec:
    model = Model(id="m", path=str(path), format="gguf", engine="e")
    return LoadSpec(model=model, engine_name="e", options=LoadOptions())


@scenario
async def test_a_file_is_probed_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    probes, prober, spec = Probes(), Prober(), spec_of(path)
    assert await probes.need(spec, prober) == await probes.need(spec, prober)
    assert prober.num_probes == 1
    os.utime(path, ns=(1, 1))
    assert (await probes.need(spec, prober)).weights_bytes == 2


@scenario
async def test_other_options_and_engines_have_needs_of_their_own(tmp_path: Path) -> None:
    probes, prober, spec = Probes(), Prober(), spec_of(tmp_path / "m.gguf")
    await probes.need(spec, prober)
    await probes.need(replace(spec, engine_name="f"), prober)
    await probes.need(replace(spec, options=LoadOptions(slots=2)), prober)
    assert prober.num_probes == 3


@scenario
async def test_what_is_forgotten_is_asked_again(tmp_path: Path) -> None:
    probes, prober, spec = Probes(), Prober(), spec_of(tmp_path / "m.gguf")
    await probes.need(spec, prober)
    probes.forget(spec.model)
    await probes.need(spec, prober)
    assert prober.num_probes == 2
