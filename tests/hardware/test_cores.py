from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jupyter_llm.hardware.cores import cores_within, num_usable_cores


@pytest.mark.parametrize(
    ("cores", "limit", "usable"),
    [(8, None, 8), (8, 4.0, 4), (8, 2.9, 2), (8, 0.3, 1), (2, 64.0, 2)],
)
def test_a_limit_leaves_whole_cores(cores: int, limit: float | None, usable: int) -> None:
    assert cores_within(cores, limit) == usable


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_bound_to_one_core_counts_one() -> None:
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from jupyter_llm.hardware.cores import num_usable_cores; print(num_usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"1"
    assert num_usable_cores() >= 1
