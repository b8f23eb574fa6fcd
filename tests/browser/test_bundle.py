"""What a browser has to fetch and start for all that this package adds to JupyterLab."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "jupyter_llm/labextension/static"
MAX_BYTES = 500_000


@pytest.mark.usefixtures("browser_and_panel")
def test_the_bundle_is_small() -> None:
    files = [path for path in STATIC.iterdir() if path.suffix in {".js", ".css"}]
    assert files
    compressed = sum(len(gzip.compress(path.read_bytes())) for path in files)
    assert compressed <= MAX_BYTES, compressed
