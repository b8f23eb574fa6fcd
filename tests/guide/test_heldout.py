"""The held-out questions: training cannot have seen them, and guide answers them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from jupyter_llm.guide.corpus import load_corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_WRONG = 0.05

HELDOUT = yaml.safe_load(Path(__file__).with_name("heldout.yaml").read_text(encoding="utf-8"))
SUBJECTS = HELDOUT.pop("subjects")
CORPUS = load_corpus()


def letters(text: str) -> str:
    """What is left of a text without case, punctuation and white space."""
    return re.sub(r"[\W_]", "", text.lower())


def one_of(alternatives: Iterable[str]) -> str:
    return f"(?:{'|'.join(alternatives)})"


@cache
def words(name: str) -> str:
    return one_of(letters(word) for word in CORPUS.words[name])


def as_regex(pattern: str, inserts: dict[str, str]) -> str:
    """A regular expression for all that a corpus pattern stands for, letters only."""
    parts = re.split(r"([\[\]|]|<\w+>|\{\w*\})", pattern)
    return "".join(_part(part, inserts) for part in parts)


def _part(part: str, inserts: dict[str, str]) -> str:
    if part.startswith("<"):
        return words(part[1:-1])
    return inserts.get(part) or {"[": "(?:", "]": ")", "|": "|"}.get(part) or letters(part)


@cache
def everything_trained_on() -> re.Pattern[str]:
    """Matches every question the trainer can make, short of typing errors."""
    pasted = {f"{{{kind}}}": one_of(map(letters, CORPUS.pasted[kind])) for kind in ("text", "code")}
    word = one_of(map(letters, CORPUS.unknown_words))
    intents = (*CORPUS.intents, CORPUS.unknown)
    questions = [as_regex(p, pasted) for intent in intents for p in intent.ask]
    questions += [as_regex(frame, {"{w}": word}) for frame in CORPUS.unknown_frames]
    for kind in ("do", "about"):
        phrases = one_of(as_regex(p, pasted) for i in intents for p in getattr(i, kind))
        questions += [as_regex(frame, {"{}": phrases}) for frame in CORPUS.frames[kind]]
    for tool in CORPUS.tools["tools"]:
        values = one_of(map(letters, CORPUS.tools["values"][tool["values"]]))
        questions += [as_regex(question, {"{}": values}) for question in tool["questions"]]
    before, after = (one_of(map(letters, CORPUS.frames[side])) for side in ("before", "after"))
    return re.compile(f"{before}?{one_of(questions)}{after}?")


def test_the_held_out_file_covers_every_intent() -> None:
    assert set(HELDOUT) == set(CORPUS.answers)
    assert sum(map(len, HELDOUT.values())) >= 120
    assert len(HELDOUT["unknown"]) >= 20


def test_the_regular_expression_recognises_what_the_trainer_reads() -> None:
    for question in (
        "How do I load a model?",
        "hi there! WHAT IS a gguf file please",
        "translate hello into french",
        "what's the weather like in Oslo?",
    ):
        assert everything_trained_on().fullmatch(letters(question)), question


@pytest.mark.parametrize("intent", HELDOUT)
def test_training_reads_no_held_out_question(intent: str) -> None:
    trained = [
        question
        for question in HELDOUT[intent]
        if everything_trained_on().fullmatch(letters(question))
    ]
    assert trained == []


def test_training_names_no_held_out_subject() -> None:
    files = Path(load_corpus.__code__.co_filename).with_name("corpus").glob("*.yaml")
    corpus = " ".join(file.read_text(encoding="utf-8").lower() for file in files)
    assert [s for s in SUBJECTS if re.search(rf"\b{s}(s|es|ed|ing)?\b", corpus)] == []


def test_every_unknown_question_has_a_held_out_subject() -> None:
    assert [q for q in HELDOUT["unknown"] if not any(s in q.lower() for s in SUBJECTS)] == []


def test_guide_answers_the_held_out_questions(answer: Callable[[str], str]) -> None:
    asked = [(intent, question) for intent in HELDOUT for question in HELDOUT[intent]]
    wrong = [
        f"{intent}: {question} -> {given}"
        for intent, question in asked
        if (given := answer(question)) != CORPUS.answers[intent]
    ]
    assert len(wrong) <= MOST_WRONG * len(asked), "\n".join(wrong)
