"""Guessing ahead changes how fast an answer comes, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from guessing import QUESTIONS, answers, ask, both, loaded, repeating, told

from jupyter_llm.engines.llama_cpp.eagerness import MAX_GUESSES
from jupyter_llm.engines.llama_cpp.lookup import LONGEST_PAUSE, PromptLookup
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Constraint, ConstraintKind, Model

LOOKUP = {"speculation": "prompt_lookup"}


async def test_greedy_answers_are_the_same_in_fewer_steps(exact_guide: Model) -> None:
    requests = [repeating("Load a model, then ask it. ")]
    plain, guessed, num_plain, num_guessed = await both(exact_guide, requests, LOOKUP)
    assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]
    assert num_guessed < 0.85 * num_plain


async def test_answers_of_several_streams_are_the_same(exact_guide: Model) -> None:
    requests = [ask(question) for question in QUESTIONS] + [repeating(q) for q in QUESTIONS]
    plain, guessed, _, _ = await both(exact_guide, requests, LOOKUP)
    assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_drawn_answers_and_their_log_probabilities_are_the_same(exact_guide: Model) -> None:
    request = repeating("one two three ")
    sampling = replace(request.sampling, temperature=0.5, seed=3, num_top_logprobs=1)
    plain, guessed, _, _ = await both(exact_guide, [replace(request, sampling=sampling)], LOOKUP)
    (one,), (other,) = plain, guessed
    assert told(one) == told(other)
    assert [c.logprobs[0].chosen.logprob for c in other] == pytest.approx(
        [c.logprobs[0].chosen.logprob for c in one], abs=0.01
    )


async def test_limits_and_stop_strings_hold_in_the_middle_of_guesses(exact_guide: Model) -> None:
    request = repeating("one two three ")
    requests = [
        replace(request, sampling=replace(request.sampling, max_tokens=length))
        for length in range(1, 14)
    ]
    requests.append(replace(request, sampling=replace(request.sampling, stop=("three",))))
    for one in requests:
        plain, guessed, _, _ = await both(exact_guide, [one], LOOKUP)
        assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_a_form_holds_behind_guesses(exact_guide: Model) -> None:
    request = repeating('{"a": 1, "b": 2} ')
    form = Constraint(
        kind=ConstraintKind.JSON_SCHEMA,
        text=json.dumps({"type": "array", "items": {"const": {"a": 1, "b": 2}}, "minItems": 8}),
    )
    plain, guessed, num_plain, num_guessed = await both(
        exact_guide, [replace(request, constraint=form)], LOOKUP
    )
    assert told(guessed[0]) == told(plain[0])
    assert num_guessed < num_plain


async def test_preempted_answers_are_the_same(exact_guide: Model) -> None:
    requests = [repeating(f"{question} ") for question in QUESTIONS]
    plain, guessed, _, _ = await both(
        exact_guide, requests, LOOKUP, slots=4, context_length=256, num_kv_cells=300
    )
    assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_what_was_guessed_wrong_is_no_prefix_for_others(exact_guide: Model) -> None:
    async with loaded(exact_guide, **LOOKUP) as engine:
        first = await answers(engine, [repeating("one two three ")])
        again = await answers(engine, [repeating("one two three ")])
    assert told(first[0])[:2] == told(again[0])[:2]


async def test_a_way_of_guessing_that_nobody_knows_is_refused(exact_guide: Model) -> None:
    with pytest.raises(InvalidRequestError, match="prompt_lookup") as caught:
        async with loaded(exact_guide, speculation="crystal ball"):
            pass
    assert caught.value.param == "speculation"


class TestLookup:
    def test_guesses_what_followed_last_time(self) -> None:
        assert PromptLookup().guess([1, 2, 3, 4, 5, 6, 1, 2, 3], 8) == (4, 5, 6, 1)
        assert PromptLookup().guess([1, 2, 3, 4, 1, 2, 3], 8) == (4, 1, 2, 3)
        assert PromptLookup().guess([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], 1) == (5,)

    def test_guesses_nothing_where_nothing_is_known(self) -> None:
        assert PromptLookup().guess([1, 2, 3, 4], 8) == ()
        assert PromptLookup().guess([1, 2], 8) == ()
        assert PromptLookup().guess([1, 2, 3, 1, 2, 3], 0) == ()

    def test_guesses_more_after_right_ones_and_pauses_after_wrong_ones(self) -> None:
        lookup, tokens = PromptLookup(), [1, 2, 3, 4] * 8
        lookup.learn(len(tokens), 4, 4)
        assert len(lookup.guess(tokens, 99)) == MAX_GUESSES
        for _ in range(9):
            lookup.learn(len(tokens), 4, 0)
        assert lookup.guess(tokens, 99) == ()
        assert lookup.guess(tokens + tokens[:LONGEST_PAUSE], 99) != ()
