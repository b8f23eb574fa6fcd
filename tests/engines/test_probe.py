from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_draft import UINT32, read_draft
from host_helpers import engine_processes
from llama_helpers import gguf_model, trouble_with
from malformed import NUM_FILES, write_malformed
from tiny_gguf import write_tiny_gguf

from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.llama_cpp import probe as probe_module
from jupyter_llm.engines.llama_cpp.probe import probe
from jupyter_llm.engines.llama_cpp.probe_answer import ProbeResult
from jupyter_llm.errors import InvalidRequestError, ModelFileError, ModelLoadError
from jupyter_llm.types import LoadOptions, MemoryUse


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def look_at(path: Path, **options: int | str) -> ProbeResult:
    return asyncio.run(probe(gguf_model(path), LoadOptions(**options)))  # type: ignore[arg-type]


def test_the_probe_knows_the_memory_of_a_real_load(tiny: Path) -> None:
    options = LoadOptions(slots=4, kv_type="f32", batch_size=64)

    async def load() -> tuple[MemoryUse, MemoryUse]:
        engine = HostedEngine("llama_cpp")
        probed = await engine.probe(gguf_model(tiny), options)
        loaded = await engine.load(gguf_model(tiny), options, lambda _part: None)
        await engine.unload()
        return probed, loaded

    probed, loaded = asyncio.run(load())
    assert replace(probed, overhead_bytes=0) == loaded
    assert probed.overhead_bytes > 0
    assert min(loaded.weights_bytes, loaded.kv_cache_bytes, loaded.compute_bytes) > 0


def test_the_probe_knows_what_kind_of_model_it_is(tiny: Path) -> None:
    result = look_at(tiny)
    assert (result.trained_context_length, result.num_layers) == (256, 2)
    assert not result.is_recurrent
    assert not result.is_hybrid


@pytest.mark.parametrize(
    ("param", "value"), [("context_length", 257), ("slots", 0), ("kv_type", "q5_1")]
)
def test_an_option_that_cannot_be_honoured_is_named(
    tiny: Path, param: str, value: int | str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        look_at(tiny, **{param: value})
    assert caught.value.param == param


def test_a_file_that_makes_llama_cpp_abort_is_refused_with_the_assertion(
    tiny: Path, tmp_path: Path
) -> None:
    draft = read_draft(tiny).with_value("llama.block_count", UINT32, bytes(4))
    (tmp_path / "no layers.gguf").write_bytes(draft.encode())
    with pytest.raises(ModelFileError, match=r"no layers\.gguf.*SIGABRT.*GGML_ASSERT"):
        look_at(tmp_path / "no layers.gguf")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("import os; os.abort()", ModelFileError),
        ("import os; os.kill(os.getpid(), 9)", ModelLoadError),
        ("import os; os.kill(os.getpid(), 4)", ModelLoadError),
        ("import no_such_library", ModelLoadError),
        ("print('not an answer')", ModelLoadError),
        ("", ModelLoadError),
    ],
)
def test_only_a_crash_is_held_against_the_file(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, command: str, kind: type[Exception]
) -> None:
    monkeypatch.setattr(probe_module, "python_command", lambda *_: [sys.executable, "-c", command])
    with pytest.raises((ModelFileError, ModelLoadError)) as caught:
        look_at(tiny)
    assert type(caught.value) is kind


def test_a_probe_that_takes_too_long_is_ended(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "TIME_LIMIT_S", 0.02)
    with pytest.raises(ModelLoadError, match="try again"):
        look_at(tiny)
    assert engine_processes() == []


def test_a_probe_that_is_cancelled_leaves_no_process(tiny: Path) -> None:
    async def run() -> None:
        probing = asyncio.create_task(probe(gguf_model(tiny), LoadOptions()))
        await asyncio.sleep(0.1)
        probing.cancel()
        await asyncio.wait([probing])
        assert probing.cancelled()

    asyncio.run(run())
    assert engine_processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to the limit")
def test_a_child_cannot_take_the_machines_memory() -> None:
    script = (
        "from jupyter_llm.processes.confinement import limit_memory\n"
        "limit_memory(64 << 20)\n"
        "small = bytearray(32 << 20)\n"
        "bytearray(256 << 20)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, check=False, text=True
    )
    assert ended.stderr.splitlines()[-1] == "MemoryError"
    assert "line 4" in ended.stderr


@pytest.mark.timeout(600)
def test_two_hundred_damaged_files_are_refused_or_do_no_harm(tiny: Path, tmp_path: Path) -> None:
    paths = write_malformed(tiny, tmp_path)

    async def run() -> dict[str, str]:
        two_at_a_time = asyncio.Semaphore(2)
        harms = await asyncio.gather(*(harm_of(path, two_at_a_time) for path in paths))
        return {path.name: harm for path, harm in zip(paths, harms, strict=True) if harm}

    assert len(paths) == NUM_FILES
    assert asyncio.run(run()) == {}


async def harm_of(path: Path, turn: asyncio.Semaphore) -> str:
    """What a damaged file does that it should not; a refusal that names it is as it should be."""
    async with turn:
        started_at = time.monotonic()
        try:
            await probe(gguf_model(path), LoadOptions())
        except (ModelFileError, ModelLoadError) as error:
            took_s = time.monotonic() - started_at
            is_told = str(path) in error.message and len(error.message) < 600
            return "" if is_told and took_s < 10 else f"{took_s:.1f} s: {error.message}"
        return await trouble_with(path)
