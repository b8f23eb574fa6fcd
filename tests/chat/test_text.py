from hypothesis import given
from hypothesis import strategies as st

from jupyter_llm.chat.text import StopMatcher, TextDecoder

letters = st.text(alphabet="abé\n", max_size=30)


def stream(matcher: StopMatcher, parts: list[str]) -> tuple[str, bool]:
    text = ""
    for part in parts:
        out, is_stopped = matcher.feed(part)
        text += out
        if is_stopped:
            return text, True
    return text + matcher.flush(), False


@given(st.text(max_size=40), st.integers(1, 5))
def test_characters_come_out_whole_however_the_bytes_are_cut(text: str, size: int) -> None:
    data = text.encode("utf-8", "surrogatepass")
    decoder = TextDecoder()
    parts = [decoder.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert "".join(parts) + decoder.flush() == data.decode("utf-8", "replace")


def test_half_a_character_waits_for_the_rest() -> None:
    decoder = TextDecoder()
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert decoder.feed(first) == ""
    assert decoder.feed(second) == "é"


@given(letters, st.lists(st.text(alphabet="abé\n", min_size=1, max_size=4), max_size=3), st.data())
def test_text_ends_before_the_first_stop_string(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    streamed, is_stopped = stream(StopMatcher(stops), parts)
    assert not any(stop in streamed for stop in stops)
    assert is_stopped == any(stop in text for stop in stops)
    assert text.startswith(streamed)
    if not is_stopped:
        assert streamed == text


def test_a_stop_string_over_several_tokens_is_never_shown() -> None:
    matcher = StopMatcher(["<END>"])
    assert matcher.feed("yes <E") == ("yes ", False)
    assert matcher.feed("N") == ("", False)
    assert matcher.matched is None
    assert matcher.feed("D> more") == ("", True)
    assert matcher.matched == "<END>"


def test_the_stop_string_that_comes_first_in_the_text_is_the_one_that_matched() -> None:
    matcher = StopMatcher(["late", "", "early"])
    matcher.feed("so early, and late")

    assert matcher.matched == "early"


def test_what_only_looked_like_a_stop_string_comes_out() -> None:
    matcher = StopMatcher(["<END>"])
    assert matcher.feed("a <E") == ("a ", False)
    assert matcher.feed("lse") == ("<Else", False)
