"""Parts of the widgets by themselves, without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jupyter_llm.types import Device
from jupyter_llm.widgets import asking
from jupyter_llm.widgets.answer import Answer
from jupyter_llm.widgets.asking import Asking
from jupyter_llm.widgets.conversation import Conversation
from jupyter_llm.widgets.markdown import as_html
from jupyter_llm.widgets.memory_chart import HEIGHT, WIDTH, chart_svg, device_html
from jupyter_llm.widgets.memory_history import MAX_SAMPLES, MemoryHistory
from jupyter_llm.widgets.sampling import Sampling

if TYPE_CHECKING:
    from jupyter_llm.client import Client


def answered(text: str, outcome: str = "stop") -> Answer:
    from jupyter_llm.client import ChatDelta

    answer = Answer("guide")
    answer.add(ChatDelta(text=text))
    answer.outcome = outcome
    answer.error = "It broke." if outcome == "failed" else ""
    return answer


def test_an_answer_is_shown_as_ended_once_and_last(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "UPDATE_INTERVAL_S", 0.0)
    shown: list[tuple[str, str]] = []
    question = Asking(
        client,
        [{"role": "user", "content": "one two three"}],
        model="echo",
        options={},
        show=lambda answer: shown.append((answer.outcome, answer.text)),
    )
    question.start()
    assert question.wait(30)
    assert [outcome for outcome, _ in shown[:-1]] == [""] * (len(shown) - 1)
    assert shown[-1] == ("stop", "one two three")
    assert len(shown) > 3


def test_what_was_stopped_before_it_began_asks_nobody(client: Client) -> None:
    question = Asking(client, [], model="echo", options={}, show=lambda _: None)
    question.stop()
    question.start()
    assert question.wait(30)
    assert question.answer.outcome == "stopped"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
        ("![a](https://example.org/?secret)", "!<a href"),
        ("[a](https://example.org)", 'rel="noopener noreferrer"'),
        ('```py"onclick="x\n1 < 2\n```', "1 &lt; 2"),
        ("| a |\n|---|\n| 1 |", "<td>1</td>"),
    ],
)
def test_what_a_model_writes_is_markdown_that_runs_and_fetches_nothing(
    written: str, shown: str
) -> None:
    html = as_html(written)
    assert shown in html
    assert not any(bad in html for bad in ("<script", "<img", 'href="javascript', 'onclick="'))


def test_a_conversation_leaves_out_what_was_not_answered() -> None:
    conversation = Conversation()
    conversation.add("user", "one")
    conversation.add_answer(answered("", "failed"))
    asked = conversation.add("user", "two")
    conversation.add_answer(answered("2"))
    told = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "2"}]
    assert conversation.messages() == told
    assert conversation.messages("Be brief.")[0]["role"] == "system"
    assert "It broke." in conversation.text()
    conversation.cut(asked.id)
    assert conversation.messages() == []
    assert conversation.add("user", "three").id > asked.id + 1


def test_the_code_of_answers_is_found() -> None:
    conversation = Conversation()
    conversation.add("user", "```\nnot this\n```")
    conversation.add_answer(answered("Do:\n```python\na = 1\n\nb = 2\n```\n~~~\nc\n~~~\n```\nopen"))
    assert conversation.code() == ["a = 1\n\nb = 2\n", "c\n"]


def device(own_bytes: int) -> Device:
    return Device(
        id="cpu",
        kind="cpu",
        name="RAM <1>",
        total_bytes=100,
        used_bytes=own_bytes + 20,
        own_bytes=own_bytes,
        other_servers_bytes=5,
    )


def test_a_history_is_bounded_in_time_and_number() -> None:
    history = MemoryHistory(10)
    for at in range(30):
        history.add(device(at), float(at))
    assert [sample.at for sample in history.samples] == [float(at) for at in range(19, 30)]
    assert history.samples[-1].others_bytes == 15
    for number in range(2 * MAX_SAMPLES):
        history.add(device(1), 30 + number / 1e6)
    assert len(history.samples) == MAX_SAMPLES


def test_a_chart_is_drawn_within_its_frame_and_said_in_words() -> None:
    history = MemoryHistory(60)
    for at in range(100):
        history.add(device(at % 80), float(at))
    drawn = chart_svg(device(19), history.samples, 60)
    points = [p.split(",") for p in drawn.split('points="')[1].split('"')[0].split()]
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in points)
    assert "RAM &lt;1&gt;, the last 1 minutes: 39 B of 100 B used now" in drawn
    assert "last 1 min" in device_html(device(19), history.samples, 60)
    assert "<polygon" in chart_svg(device(1), history.samples[:1], 60)


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(TypeError, match="There is no setting 'heat'; there are: temperature,"):
        Sampling(heat=1)
    sampling = Sampling(temperature=0, top_k=5)
    assert sampling.options == {"temperature": 0, "top_k": 5}
    sampling.set_options({"seed": 1})
    assert repr(sampling) == "Sampling(seed=1)"
