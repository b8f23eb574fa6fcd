"""The text that guide learns from: YAML files, and patterns that stand for many sentences.

A pattern is a sentence with choices: `[load|start] a <model>` is one of "load" and
"start", then one of the words that words.yaml lists under `model`. Choices nest, and an
empty one (`[please|]`) may be left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

CORPUS = Path(__file__).with_name("corpus")
INTENT_FILES = ("models", "cells", "http", "inside", "self")

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_WORD = re.compile(r"<(\w+)>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """One thing people want, its answer, and patterns for the ways to ask.

    `do` are verb phrases ("load a model"), `about` noun phrases ("the KV cache");
    both are put into frames. `ask` are whole questions.
    """

    name: str
    answer: str
    do: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Everything the trainer reads; `unknown` is the intent for all other subjects."""

    intents: tuple[Intent, ...]
    unknown: Intent
    unknown_frames: tuple[str, ...]
    unknown_words: tuple[str, ...]
    pasted: Mapping[str, Sequence[str]]
    frames: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]
    tools: Mapping[str, Any]

    @property
    def answers(self) -> dict[str, str]:
        """The answer of each intent, by the intent's name."""
        return {intent.name: intent.answer for intent in (*self.intents, self.unknown)}


def load_corpus() -> Corpus:
    """Read all files of the corpus."""
    unknown = _read("unknown")
    frames, words = unknown.pop("frames"), unknown.pop("words")
    return Corpus(
        intents=tuple(
            _intent(name, fields) for file in INTENT_FILES for name, fields in _read(file).items()
        ),
        unknown=_intent("unknown", unknown),
        unknown_frames=tuple(frames),
        unknown_words=tuple(words),
        pasted=_read("texts"),
        frames=_read("frames"),
        words=_read("words"),
        tools=_read("tools"),
    )


def expand(pattern: str, rng: random.Random, words: Mapping[str, Sequence[str]]) -> str:
    """One of the sentences that `pattern` stands for."""
    while found := _CHOICE.search(pattern):
        choice = rng.choice(found[1].split("|"))
        pattern = pattern[: found.start()] + choice + pattern[found.end() :]
    sentence = _WORD.sub(lambda word: rng.choice(words[word[1]]), pattern)
    return re.sub(r"\s+([,?]|$)", r"\1", re.sub(r" {2,}", " ", sentence)).strip()


def _intent(name: str, fields: dict[str, Any]) -> Intent:
    return Intent(
        name=name,
        answer=fields["answer"],
        **{kind: tuple(fields.get(kind, ())) for kind in ("do", "about", "ask")},
    )


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((CORPUS / f"{name}.yaml").read_text(encoding="utf-8"))
    return data
