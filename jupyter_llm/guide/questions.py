"""Questions as people type them: framed, decorated, in any case, with typing errors."""

from __future__ import annotations

import math
import string
from typing import TYPE_CHECKING

from jupyter_llm.guide.corpus import expand

if TYPE_CHECKING:
    import random

    from jupyter_llm.guide.corpus import Corpus, Intent

DECORATED = 0.15
MISTYPED = 0.06
BLURRED = 0.3
PSEUDO_WORD = 0.5

_STARTS = (
    *"bcdfghjklmnprstvwz",
    *("br", "cr", "dr", "fl", "gr", "kl", "pl", "sh", "sl", "st", "str", "th", "tr"),
)
_VOWELS = (*"aeiou", "ai", "ea", "ou", "oo", "ie")
_ENDS = ("", "", *"nrstlkm", "nd", "rt", "sh", "ck", "ble", "ling", "ton")
_END_MARKS = ("?", "?", "?", "", "", "", ".", "!", "??", " ?", "...")
_SMALL_TALK = frozenset({"hello", "thanks", "bye"})
_FEW_WORDS = 4


def ask(corpus: Corpus, intent: Intent, rng: random.Random) -> str:
    """A question that `intent` answers."""
    if intent is corpus.unknown and rng.random() < 0.3:
        question = _fill(corpus, rng.choice(corpus.unknown_frames), rng)
    else:
        question = _plain(corpus, intent, rng)
    if intent.name not in _SMALL_TALK and rng.random() < DECORATED:
        question = _decorate(corpus, question, rng)
    if intent.name not in _SMALL_TALK and rng.random() < BLURRED:
        question = _blur(corpus, question, rng)
    if rng.random() < MISTYPED:
        question = _mistype(question, rng)
    return _dress(question, rng)


def pseudo_word(rng: random.Random) -> str:
    """A word that does not exist."""
    return "".join(
        rng.choice(_STARTS) + rng.choice(_VOWELS) + rng.choice(_ENDS)
        for _ in range(rng.choice((1, 2, 2, 3)))
    )


def pasted(corpus: Corpus, kind: str, rng: random.Random) -> str:
    """Text or code as people paste it: one line or a few."""
    separator = rng.choice(("\n", " ", "\n\n"))
    lines = rng.choices(corpus.pasted[kind], k=rng.choice((1, 1, 1, 2, 3, 6)))
    return separator.join(lines)


def _plain(corpus: Corpus, intent: Intent, rng: random.Random) -> str:
    kinds = ("do", "about", "ask")
    patterns = [(kind, pattern) for kind in kinds for pattern in getattr(intent, kind)]
    weights = [math.sqrt(1 + pattern.count("|")) for _, pattern in patterns]
    kind, pattern = rng.choices(patterns, weights)[0]
    phrase = _fill(corpus, pattern, rng)
    if kind == "ask":
        return phrase
    frame = expand(rng.choice(corpus.frames[kind]), rng, corpus.words)
    return frame.replace("{}", phrase)


def _fill(corpus: Corpus, pattern: str, rng: random.Random) -> str:
    text = expand(pattern, rng, corpus.words)
    while "{w}" in text:
        text = text.replace("{w}", _subject(corpus, rng), 1)
    for kind in ("text", "code"):
        if f"{{{kind}}}" in text:
            text = text.replace(f"{{{kind}}}", pasted(corpus, kind, rng))
    return text.replace("{gibberish}", _gibberish(rng))


def _subject(corpus: Corpus, rng: random.Random) -> str:
    if rng.random() < PSEUDO_WORD:
        return pseudo_word(rng)
    return rng.choice(corpus.unknown_words)


def _gibberish(rng: random.Random) -> str:
    letters = string.ascii_lowercase if rng.random() < 0.7 else string.printable.strip()
    return " ".join(
        "".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(rng.randint(1, 6))
    )


def _decorate(corpus: Corpus, question: str, rng: random.Random) -> str:
    where = rng.random()
    if where < 0.7:
        question = f"{rng.choice(corpus.frames['before'])} {question}"
    if where > 0.5:
        question = f"{question}{rng.choice(('', ','))} {rng.choice(corpus.frames['after'])}"
    return question


def _blur(corpus: Corpus, question: str, rng: random.Random) -> str:
    """One word more, less or unknown: no single word is to decide what is meant."""
    words = question.split(" ")
    at = rng.randrange(len(words))
    what = rng.random()
    if what < 0.5 or len(words) <= _FEW_WORDS:
        words.insert(at, rng.choice(corpus.frames["fillers"]))
    elif what < 0.8:
        del words[at]
    else:
        words[at] = pseudo_word(rng)
    return " ".join(words)


def _mistype(question: str, rng: random.Random) -> str:
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(question))
        before, here, after = question[:at], question[at], question[at + 1 :]
        letter = rng.choice(string.ascii_lowercase)
        mistakes = (before + after, before + here * 2 + after, before + letter + after)
        swapped = before + after[:1] + here + after[1:]
        question = rng.choice((*mistakes, swapped)) or question
    return question


def _dress(question: str, rng: random.Random) -> str:
    if question[-1] not in "?.!" and len(question) < 200:
        question += rng.choice(_END_MARKS)
    style = rng.random()
    if style < 0.35:
        return question[:1].upper() + question[1:]
    if style < 0.65:
        return question.lower()
    if style < 0.68:
        return question.upper()
    return question
