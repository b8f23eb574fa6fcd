"""A kernel's conversation, cell by cell."""

from __future__ import annotations

from jupyter_llm.kernel.history import Conversation, Place


def place(cell: str, run: int = 1) -> Place:
    return Place(cell_id=cell, run_id=f"{cell}-{run}")


def asked(*cells: str) -> Conversation:
    conversation = Conversation()
    for cell in cells:
        conversation.record(place(cell), f"question {cell}", f"answer {cell}")
    return conversation


def texts(conversation: Conversation, at: Place) -> list[str]:
    return [message.content for message in conversation.before(at)]


def test_a_question_follows_the_turns_before_it() -> None:
    conversation = asked("a", "b")
    messages = conversation.before(place("c"))
    assert [m.role for m in messages] == ["user", "assistant", "user", "assistant"]
    assert [m.content for m in messages] == ["question a", "answer a", "question b", "answer b"]


def test_a_cell_that_runs_again_sees_only_what_stood_before_it() -> None:
    conversation = asked("a", "b", "c")
    assert texts(conversation, place("b", run=2)) == ["question a", "answer a"]


def test_a_cell_that_runs_again_replaces_its_turn_in_place() -> None:
    conversation = asked("a", "b", "c")
    conversation.record(place("b", run=2), "new question", "new answer")
    assert texts(conversation, place("d")) == [
        *("question a", "answer a"),
        *("new question", "new answer"),
        *("question c", "answer c"),
    ]


def test_a_cell_that_asks_in_a_loop_keeps_every_turn_of_one_execution() -> None:
    conversation = asked("a", "b")
    for run in (2, 3):
        for i in range(3):
            seen = texts(conversation, place("a", run=run))
            assert seen == [text for j in range(i) for text in (f"q{j}", f"run {run}")]
            conversation.record(place("a", run=run), f"q{i}", f"run {run}")
    assert len(conversation) == 4
    assert texts(conversation, place("c"))[-2:] == ["question b", "answer b"]


def test_a_question_that_failed_is_not_sent_but_keeps_its_place() -> None:
    conversation = asked("a", "b", "c")
    conversation.record(place("a", run=2), "question a", "")
    assert texts(conversation, place("b", run=2)) == []
    conversation.record(place("a", run=3), "question a", "better")
    assert texts(conversation, place("b", run=2)) == ["question a", "better"]


def test_without_cells_every_question_is_a_turn_of_its_own() -> None:
    conversation = Conversation()
    for i in range(3):
        conversation.record(Place(), f"q{i}", f"a{i}")
    assert texts(conversation, Place()) == ["q0", "a0", "q1", "a1", "q2", "a2"]


def test_reset_forgets_everything() -> None:
    conversation = asked("a", "b")
    conversation.reset()
    assert len(conversation) == 0
    assert texts(conversation, place("b")) == []
