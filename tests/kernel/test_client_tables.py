"""Models as people read them."""

from __future__ import annotations

import pytest

from jupyter_llm.client.tables import count, loaded_table, memory_table, models_table, size
from jupyter_llm.types import (
    Device,
    EngineStats,
    Fit,
    ListedModel,
    MemoryUse,
    Model,
    ModelState,
    ModelStatus,
)

GUIDE = ModelStatus(
    model=Model(
        id="guide",
        format="gguf",
        engine="llama_cpp",
        size_bytes=4_812_345,
        num_parameters=2_310_000,
        quantization="Q8_0",
        context_length=2048,
    ),
    state=ModelState.READY,
    memory=MemoryUse(weights_bytes=4_800_000, kv_cache_bytes=200_000),
    stats=EngineStats(slots=4, context_length=2048, num_kv_cells=4096, num_kv_cells_used=17),
)
ODD = ModelStatus(
    model=Model(id="a|b", format="gguf", engine="echo"),
    state=ModelState.FAILED,
    error="cut\nshort",
)
LISTED_GUIDE = ListedModel(status=GUIDE, estimate=GUIDE.memory, fit=Fit.FITS)
LISTED_ODD = ListedModel(status=ODD, unavailable="no way")


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "-"),
        (999, "999 B"),
        (4_812_345, "4.81 MB"),
        (7_300_000_000, "7.3 GB"),
        (2e15, "2e+03 TB"),
    ],
)
def test_sizes(num_bytes: int, text: str) -> None:
    assert size(num_bytes) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "-"), (812_000, "812000"), (2_310_000, "2.31M"), (7_241_000_000, "7.24B")],
)
def test_counts(number: int, text: str) -> None:
    assert count(number) == text


def test_ls_in_columns() -> None:
    assert models_table([LISTED_GUIDE, LISTED_ODD]).text().splitlines() == [
        "MODEL  STATE   SIZE     PARAMETERS  QUANTIZATION  CONTEXT  MEMORY  FIT        ENGINE",
        "guide  ready   4.81 MB  2.31M       Q8_0          2048     5 MB    fits       llama_cpp",
        "a|b    failed  -        -           -             -        -       no engine  echo",
    ]


def test_ps_in_markdown_keeps_every_cell_in_its_column() -> None:
    assert loaded_table([GUIDE, ODD]).markdown().splitlines()[2:] == [
        "| guide | ready | 5 MB | 2048 | 4 | 0 | 0 | 17 of 4096 |",
        "| a\\|b | failed: cut short | - | - | - | 0 | 0 | - |",
    ]


def test_an_empty_table_says_what_to_do() -> None:
    assert "load NAME" in loaded_table([]).text()
    assert "models directory" in models_table([]).markdown()


def test_memory_is_shown_by_whose_it_is() -> None:
    gpu = Device(
        id="GPU-a",
        kind="cuda",
        name="H100",
        total_bytes=80 * 10**9,
        used_bytes=60 * 10**9,
        own_bytes=25 * 10**9,
        other_servers_bytes=15 * 10**9,
    )
    header, row = memory_table([gpu]).text().splitlines()
    assert header.split("  ")[0] == "DEVICE"
    assert row.split() == ["H100", "80", "GB", "20", "GB", "25", "GB", "15", "GB", "20", "GB"]
