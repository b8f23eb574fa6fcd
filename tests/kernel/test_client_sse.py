"""Server-sent events, whatever way the network cuts them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_llm.client.sse import events

STREAM = (
    b": keep-alive\n\n"
    b'data: {"text": "one"}\n\n'
    b"event: note\r\nid: 7\r\ndata:two\r\ndata: lines\r\n\r\n"
    b"data: three\r\r"
    + "data: U+2028 \u2028 and U+0085 \x85 are text: ü\n\n".encode()
    + b"data: [DONE]\n\n"
)
EVENTS = [
    '{"text": "one"}',
    "two\nlines",
    "three",
    "U+2028 \u2028 and U+0085 \x85 are text: ü",
    "[DONE]",
]


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=len(STREAM))))
def test_events_are_the_same_however_the_bytes_arrive(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in pairwise(ends)]
    assert list(events(chunks)) == EVENTS


def test_an_event_is_given_out_as_soon_as_it_is_complete() -> None:
    stream = events(iter([b"data: one\n\ndata: two", b"\n\n"]))
    assert next(stream) == "one"


def test_an_event_cut_short_is_not_given_out() -> None:
    assert list(events([b"data: one\n\ndata: tw"])) == ["one"]
