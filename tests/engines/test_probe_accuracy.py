"""What the probe says a model takes is what it takes, within a twentieth."""

from __future__ import annotations

import sys

import pytest

from jupyter_llm.bench.probe import CASES, comparisons

MAX_ERROR = 0.05


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_the_probe_is_right_within_five_percent() -> None:
    errors = {found.case: found.error for found in comparisons()}
    assert len(errors) == len(CASES) >= 8
    assert {case: error for case, error in errors.items() if abs(error) > MAX_ERROR} == {}
