from __future__ import annotations

import math

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.keep_alive import keep_alive_s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (0, 0.0),
        (90, 90.0),
        (-1, math.inf),
        ("300", 300.0),
        ("-1", math.inf),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("250ms", 0.25),
        ("-1s", math.inf),
    ],
)
def test_a_duration_is_understood(value: float | str | None, seconds: float | None) -> None:
    assert keep_alive_s(value) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 minutes", "m5", "5mm", "1e3s"])
def test_anything_else_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="keep_alive") as refused:
        keep_alive_s(text)
    assert refused.value.param == "keep_alive"
