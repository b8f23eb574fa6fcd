from __future__ import annotations

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.downloads import search_limit


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("42", 42), ("100", 100)])
def test_a_limit_is_a_number(text: str, limit: int) -> None:
    assert search_limit(text) == limit


@pytest.mark.parametrize("text", ["", "0", "101", "-1", "1.5", "ten", "²", "٣", "9" * 5000])
def test_any_other_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        search_limit(text)
    assert caught.value.param == "limit"
