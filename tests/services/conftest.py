"""One cluster for all tests of services: it starts in a second, and forgets no job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mini_slurm import MiniSlurm, require_slurm


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniSlurm]:
    require_slurm()
    # a socket's path is short
    with MiniSlurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster
