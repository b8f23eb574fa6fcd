from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from jupyter_llm.chat.gains import AnswerText
from jupyter_llm.types import TokenAlternative, TokenLogprob

Shown = tuple[str, tuple[TokenLogprob, ...], bool]


def token(data: bytes) -> TokenLogprob:
    return TokenLogprob(chosen=TokenAlternative(text="", text_bytes=data, logprob=-1.0))


def shown(pieces: list[bytes], stops: list[str], offset: int = 0) -> Shown:
    """Text and probabilities of a whole answer, and whether it was stopped."""
    answer = AnswerText(stops, offset=offset)
    text, logprobs = "", []
    for piece in pieces:
        gain = answer.feed(piece, token(piece))
        text += gain.text
        logprobs += gain.logprobs
        # what is handed out is never taken back, and never ahead of its text
        assert all(logprob.offset < offset + len(text) for logprob in logprobs)
        if gain.is_stopped:
            return text, tuple(logprobs), True
    gain = answer.end()
    return text + gain.text, (*logprobs, *gain.logprobs), gain.is_stopped


def offsets(found: Shown) -> list[int]:
    return [logprob.offset for logprob in found[1]]


def test_a_token_is_listed_with_the_first_character_it_has_part_in() -> None:
    assert offsets(shown([b"n\xc3", b"\xa9", b"", b"x"], [])) == [0, 1, 2, 2]


def test_a_token_that_a_stop_string_cuts_off_is_not_listed() -> None:
    text, logprobs, is_stopped = shown([b"one ", b"two ", b"EN", b"D", b"!"], ["END"])
    assert (text, len(logprobs), is_stopped) == ("one two ", 2, True)


def test_a_token_that_is_cut_in_the_middle_is_listed() -> None:
    text, logprobs, _ = shown([b"one ", b"two E", b"ND"], ["END"])
    assert (text, [t.chosen.text_bytes for t in logprobs]) == ("one two ", [b"one ", b"two E"])


def test_text_held_back_for_a_stop_string_that_never_comes_is_listed() -> None:
    text, logprobs, is_stopped = shown([b"one", b"EN"], ["END"])
    assert (text, len(logprobs), is_stopped) == ("oneEN", 2, False)


def test_an_answer_behind_a_prompt_begins_where_that_ends() -> None:
    assert offsets(shown([b"a", b"bc", b"d"], [], offset=7)) == [7, 8, 10]


@given(
    st.text(alphabet="abé🐘", max_size=12),
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(st.text(alphabet="abé🐘", min_size=1, max_size=3), max_size=1),
)
def test_the_cut_of_an_answer_into_tokens_changes_nothing_but_the_list(
    whole: str, cuts: list[int], stops: list[str]
) -> None:
    data = whole.encode()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    text, logprobs, is_stopped = shown(pieces, stops)
    ends = [at for stop in stops if (at := whole.find(stop)) >= 0]
    assert is_stopped == bool(ends)
    assert text == whole[: min(ends, default=len(whole))]
    starts = [len(data[:place].decode(errors="ignore")) for place in places[:-1]]
    kept = [start for start in starts if start < len(text) or not is_stopped]
    assert [logprob.offset for logprob in logprobs] == kept
