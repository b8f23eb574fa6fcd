"""A log is cut between characters, whatever is in it."""

from __future__ import annotations

import pytest

from jupyter_llm.services.log_text import whole_characters


@pytest.mark.parametrize("text", ["", "a", "é", "a€", "🙂🙂", "\n"])
def test_parts_of_a_log_are_the_log_again(text: str) -> None:
    data = text.encode()
    for end in range(len(data) + 1):
        first = whole_characters(data[:end])
        assert first.decode() + data[len(first) :].decode() == text


@pytest.mark.parametrize("data", [b"\xff", b"a\xff\xfeb", b"\x80", b"\xc3\x28"])
def test_what_is_no_text_is_passed_on_whole(data: bytes) -> None:
    assert whole_characters(data) == data
