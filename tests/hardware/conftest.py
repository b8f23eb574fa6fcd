from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from nvml_standin import LIBRARY, StandIn, compile_standin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return compile_standin(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def standin(compiled: StandIn, tmp_path: Path) -> StandIn:
    """A stand-in for the NVIDIA driver, without any device yet."""
    shutil.copy(compiled.folder / LIBRARY, tmp_path / LIBRARY)
    return StandIn(tmp_path)
