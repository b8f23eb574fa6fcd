"""An answer while it grows, and what is left of it when it ends early."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

import pytest

from jupyter_llm.client import ChatDelta
from jupyter_llm.errors import EngineDiedError
from jupyter_llm.kernel.answer import Answer, closed, stream
from jupyter_llm.kernel.display import UPDATE_INTERVAL_S, Output, TerminalOutput, View
from jupyter_llm.types import Timings, Usage

LAST = ChatDelta(
    text="",
    model="guide",
    finish_reason="stop",
    usage=Usage(prompt_tokens=9, completion_tokens=3),
    timings=Timings(prefill_s=0.1, decode_s=0.5),
)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Drawn(Output):
    """Keeps what it is given to draw."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.views: list[View] = []

    def _draw(self, view: View) -> None:
        self.views.append(view)


@dataclass
class Source:
    """Deltas that arrive `step_s` apart; remembers whether it was closed."""

    clock: Clock
    deltas: Iterable[ChatDelta | BaseException]
    step_s: float = 1.0
    is_closed: bool = field(default=False, init=False)

    def __call__(self) -> Generator[ChatDelta, None, None]:
        try:
            for delta in self.deltas:
                self.clock.now += self.step_s
                if isinstance(delta, BaseException):
                    raise delta
                yield delta
        finally:
            self.is_closed = True


def words(*texts: str) -> list[ChatDelta]:
    return [ChatDelta(text=text, model="guide") for text in texts]


def test_a_finished_answer_tells_model_tokens_pace_and_outcome() -> None:
    clock = Clock()
    answer, output = Answer(clock=clock), Drawn(clock)
    stream(Source(clock, [*words("One", " two"), LAST])(), answer, output)
    assert answer.text == "One two"
    assert answer.status() == "guide · 3 tokens · 4 tokens/s · first token after 1.00 s · stop"
    last = output.views[-1]
    assert last.markdown.startswith("One two\n\n<small")
    assert last.text == f"One two\n\n[{answer.status()}]"
    assert last.metadata["jupyter_llm"]["model"] == "guide"
    assert last.metadata["jupyter_llm"]["usage"]["completion_tokens"] == 3


def test_updates_are_bounded_and_the_last_one_is_always_drawn() -> None:
    clock = Clock()
    answer, output = Answer(clock=clock), Drawn(clock)
    many = words(*("x" for _ in range(1000)))
    source = Source(clock, [*many, LAST], step_s=UPDATE_INTERVAL_S / 10)
    stream(source(), answer, output)
    assert 90 <= len(output.views) <= 110
    assert output.views[-1].text.startswith("x" * 1000)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [(KeyboardInterrupt(), "interrupted"), (EngineDiedError("It crashed."), "failed")],
)
def test_an_answer_that_ends_early_closes_the_stream_and_keeps_its_text(
    end: BaseException, outcome: str
) -> None:
    clock = Clock()
    answer, output = Answer(clock=clock), Drawn(clock)
    source = Source(clock, [*words("partial"), end])
    with pytest.raises(type(end)):
        stream(source(), answer, output)
    assert source.is_closed
    assert (answer.text, answer.outcome) == ("partial", outcome)
    assert "partial" in output.views[-1].markdown
    assert outcome in output.views[-1].markdown


def test_an_interrupt_while_drawing_closes_the_stream_too() -> None:
    clock = Clock()

    class Interrupting(Drawn):
        def _draw(self, view: View) -> None:
            super()._draw(view)
            if len(self.views) == 2:
                raise KeyboardInterrupt

    source = Source(clock, [*words("one", "two", "three"), LAST])
    answer = Answer(clock=clock)
    with pytest.raises(KeyboardInterrupt):
        stream(source(), answer, Interrupting(clock))
    assert source.is_closed
    assert answer.outcome == "interrupted"


@pytest.mark.parametrize(
    ("open_text", "closed_text"),
    [
        ("no fence", "no fence"),
        ("```python\nx = 1", "```python\nx = 1\n```"),
        ("```\nx\n```", "```\nx\n```"),
        ("~~~~\n```\n~~~", "~~~~\n```\n~~~\n~~~~"),
        ("```\na\n```\ntext\n````js\nb\n```", "```\na\n```\ntext\n````js\nb\n```\n````"),
        ("```inline``` code", "```inline``` code"),
    ],
)
def test_an_open_code_fence_does_not_swallow_the_status_line(
    open_text: str, closed_text: str
) -> None:
    assert closed(open_text) == closed_text


def test_a_terminal_gets_each_word_once(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    answer = Answer(clock=clock)
    stream(Source(clock, [*words("One", " two", " three"), LAST])(), answer, TerminalOutput(clock))
    assert capsys.readouterr().out == f"One two three\n\n[{answer.status()}]\n"


def test_thoughts_are_open_while_they_come_and_folded_behind_the_answer() -> None:
    clock = Clock()
    answer, output = Answer(clock=clock), Drawn(clock)
    thoughts = [
        ChatDelta(text="", reasoning=text, model="deep") for text in ("Let me", " see </details>")
    ]
    stream(Source(clock, [*thoughts, *words("It is", " 7"), LAST])(), answer, output)
    thinking, done = output.views[2], output.views[-1]
    assert thinking.markdown.startswith("<details open><summary>Thinking …</summary>")
    assert "```text\nLet me see </details>\n```" in thinking.markdown
    assert done.markdown.startswith("<details><summary>Thought for 2.0 s</summary>")
    assert "\n\n</details>\n\nIt is 7\n\n<small" in done.markdown
    assert "first token after 1.00 s" in answer.status()
    assert answer.text == "It is 7"
    assert done.text == f"[thinking …]\n\nIt is 7\n\n[{answer.status()}]"


def test_a_terminal_is_told_of_thoughts_and_spared_them(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    answer = Answer(clock=clock)
    deltas = [ChatDelta(text="", reasoning="hm", model="deep"), *words("It is 7"), LAST]
    stream(Source(clock, deltas)(), answer, TerminalOutput(clock))
    assert capsys.readouterr().out == f"[thinking …]\n\nIt is 7\n\n[{answer.status()}]\n"


def test_json_is_shown_as_code_and_then_gives_way_to_its_value() -> None:
    clock = Clock()
    answer, output = Answer(language="json", clock=clock), Drawn(clock)
    stream(Source(clock, [*words('{"a": ', "1}"), LAST])(), answer, output)
    assert output.views[1].markdown.startswith('```json\n{"a": \n```')
    assert output.views[-1].markdown.startswith('```json\n{"a": 1}\n```')
    assert answer.view(is_brief=True).markdown.startswith("<small")
    assert answer.view(is_brief=True).text == output.views[-1].text
