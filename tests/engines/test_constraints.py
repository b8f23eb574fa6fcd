"""Answers held to a form, on the built-in model: what comes back is in the form, or a 400."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import validate

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    FinishReason,
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenChunk,
)

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}


MODEL = Model(
    id="guide", path=str(GUIDE_PATH), format="gguf", engine="llama_cpp", context_length=2048
)


@pytest.fixture
def engine(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[LlamaCppEngine]:
    engine = LlamaCppEngine()
    options = LoadOptions(num_threads=1, slots=8)
    jp_asyncio_loop.run_until_complete(engine.load(MODEL, options, lambda _: None))
    yield engine
    jp_asyncio_loop.run_until_complete(engine.unload())


def ask(kind: str, text: Any = "", **sampling: Any) -> GenerationRequest:
    text = text if isinstance(text, str) else json.dumps(text)
    return GenerationRequest(
        id="1",
        model_id="guide",
        messages=(Message(role="user", content="how do I load a model?"),),
        sampling=SamplingParams(**{"max_tokens": 200, "seed": 1, "temperature": 1.0, **sampling}),
        constraint=Constraint(kind=ConstraintKind(kind), text=text, param="form"),
    )


async def chunks(engine: LlamaCppEngine, request: GenerationRequest) -> list[TokenChunk]:
    return [chunk async for chunk in engine.generate(request)]


async def answer(engine: LlamaCppEngine, request: GenerationRequest) -> tuple[str, TokenChunk]:
    given = await chunks(engine, request)
    return "".join(chunk.text for chunk in given), given[-1]


async def refusal(engine: LlamaCppEngine, kind: str, text: Any) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        await answer(engine, ask(kind, text))
    assert caught.value.param == "form"
    return caught.value.message


async def test_a_schema_is_followed_to_the_last_token(engine: LlamaCppEngine) -> None:
    for seed in range(20):
        text, last = await answer(engine, ask("json_schema", SCHEMA, seed=seed))
        validate(json.loads(text), SCHEMA)
        assert last.finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    ("kind", "text", "pattern"),
    [
        ("regex", r"[a-c]{3}-\d{2}", r"[a-c]{3}-\d{2}"),
        ("lark", 'start: "yes" | "no" /[a-z]{2}/', "yes|no[a-z]{2}"),
        ("gbnf", 'root ::= ("ab" | "cd") num\nnum ::= [0-9] [0-9]', "(ab|cd)[0-9]{2}"),
        ("choice", ["to be", "not to be", 'é"\\\n🐘'], 'to be|not to be|é"\\\\\n🐘'),
    ],
)
async def test_other_forms_are_followed(
    engine: LlamaCppEngine, kind: str, text: Any, pattern: str
) -> None:
    for seed in range(10):
        given, last = await answer(engine, ask(kind, text, seed=seed))
        assert re.fullmatch(pattern, given), given
        assert last.finish_reason is FinishReason.STOP


async def test_a_json_object_is_one_up_to_where_it_is_cut(engine: LlamaCppEngine) -> None:
    whole = 0
    for seed in range(8):
        text, last = await answer(engine, ask("json_object", seed=seed, max_tokens=400))
        assert text.lstrip().startswith("{")
        if last.finish_reason is FinishReason.STOP:
            assert isinstance(json.loads(text), dict)
            whole += 1
        else:
            assert last.finish_reason is FinishReason.LENGTH
    assert whole


async def test_an_answer_cut_by_its_limit_says_so(engine: LlamaCppEngine) -> None:
    text, last = await answer(engine, ask("regex", "[a-z]{100}", max_tokens=3))
    assert re.fullmatch("[a-z]+", text)
    assert last.finish_reason is FinishReason.LENGTH
    text, last = await answer(engine, ask("choice", ["a"], max_tokens=1))
    assert (text, last.finish_reason) == ("a", FinishReason.STOP)


async def test_a_form_wins_over_ignore_eos_and_over_biases(engine: LlamaCppEngine) -> None:
    request = ask("regex", "ab{0,3}", ignore_eos=True, logit_bias=((5, 100.0),))
    text, last = await answer(engine, request)
    assert text == "abbb"
    assert last.finish_reason is FinishReason.STOP


async def test_log_probabilities_stay_those_of_the_model(engine: LlamaCppEngine) -> None:
    free = replace(ask("regex", ""), constraint=None)
    free = replace(free, sampling=replace(free.sampling, num_top_logprobs=5, max_tokens=1))
    bound = replace(free, constraint=Constraint(kind=ConstraintKind.REGEX, text="[0-9]+"))
    (one,), (other,) = await chunks(engine, free), await chunks(engine, bound)
    assert [top.text for top in one.logprobs[0].top] == [top.text for top in other.logprobs[0].top]
    assert other.text.isdigit()
    assert other.logprobs[0].chosen.logprob < one.logprobs[0].top[0].logprob


async def test_forms_do_not_meet_in_a_batch(engine: LlamaCppEngine) -> None:
    requests = [ask("regex", f"{letter}{{20}}") for letter in "abcdefgh"]
    answers = await asyncio.gather(*(answer(engine, request) for request in requests))
    assert [text for text, _ in answers] == [letter * 20 for letter in "abcdefgh"]


async def test_preemption_leaves_the_form_where_it_was() -> None:
    engine = LlamaCppEngine()
    options = LoadOptions(num_threads=1, slots=4, context_length=256, num_kv_cells=256)
    await engine.load(MODEL, options, lambda _: None)
    try:
        requests = [ask("regex", f"({letter}[0-9]){{40}}") for letter in "abcd"]
        answers = await asyncio.gather(*(answer(engine, request) for request in requests))
        assert engine.stats().num_preemptions > 0
    finally:
        await engine.unload()
    for letter, (text, _) in zip("abcd", answers, strict=True):
        assert re.fullmatch(f"({letter}[0-9]){{40}}", text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("regex", "("),
        ("regex", "\\"),
        ("regex", ""),
        ("regex", "(?=a)b"),
        ("lark", "start: foo"),
        ("lark", "not a grammar"),
        ("gbnf", "root ::= a\na ::= a"),
        ("gbnf", "root := a"),
        ("gbnf", ""),
        ("choice", [""]),
        ("json_schema", "{"),
        ("json_schema", "3"),
        ("json_schema", '{"minimum": NaN}'),
        ("json_schema", '{"minimum": 1e999}'),
        ("json_schema", "[" * 100_000),
        ("json_schema", '{"not":' * 60 + "{}" + "}" * 60),
        ("json_schema", {"$ref": "#"}),
        ("json_schema", {"$ref": "https://example.com/schema"}),
        ("regex", "a" * 300_000),
        ("regex", "(((((a{100}){100}){100}){100}){100})"),
    ],
)
async def test_what_cannot_be_enforced_is_a_bad_request(
    engine: LlamaCppEngine, kind: str, text: Any
) -> None:
    assert await refusal(engine, kind, text)


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"properties": {"a": {"oneOf": [{}, {"type": "string"}]}}}, "/properties/a/oneOf"),
        ({"properties": {"not": {"type": "array", "uniqueItems": True}}}, "uniqueItems"),
        ({"$defs": {"x": {"not": {}}}, "items": {"not": {"type": "null"}}}, "#/items/not"),
        ({"anyOf": [{"type": "string"}, {"format": "shoe"}]}, "/anyOf/1/format"),
        ({"properties": {"a/b~c": {"dependencies": {"x": ["y"]}}}}, "/a~1b~0c/dependencies"),
        ({"items": [{"$ref": "#/$defs/none"}]}, "/items/0/$ref"),
        ({"items": {"type": "string", "pattern": "(?=a)b"}}, "/items/pattern"),
        ({"items": {"type": "string", "pattern": "a\\"}}, "/items/pattern"),
        ({"patternProperties": {"\\": {}}}, "#/patternProperties"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "#/m"),
        ({"anyOf": [{"enum": []}]}, "/anyOf/0/enum"),
        ({"items": {"type": "banana"}}, "/items/type"),
        ({"items": {"minLength": -1}}, "/items/minLength"),
        ({"items": {"type": "object", "minProperties": 2}}, "/items/minProperties"),
        ({"if": {"type": "string"}, "then": {}}, "#/if"),
        ({"x-guidance": {"coerce_one_of": True}, "oneOf": [{}, {}]}, "#/oneOf"),
    ],
)
async def test_a_refused_schema_is_told_where(
    engine: LlamaCppEngine, schema: Any, pointer: str
) -> None:
    message = await refusal(engine, "json_schema", schema)
    assert message.startswith("form#")
    assert pointer in message.split(" cannot be enforced")[0]


async def test_a_grammar_that_leads_nowhere_ends_its_answer_alone(engine: LlamaCppEngine) -> None:
    dead = ask("gbnf", 'root ::= "x" a\na ::= a')
    outcomes = await asyncio.gather(
        answer(engine, dead), answer(engine, ask("choice", ["fine"])), return_exceptions=True
    )
    assert isinstance(outcomes[0], InvalidRequestError)
    assert not isinstance(outcomes[1], BaseException)
    assert outcomes[1][0] == "fine"


async def test_a_slow_compilation_holds_nobody_up(
    engine: LlamaCppEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answer(engine, ask("choice", ["warm"]))
    from jupyter_llm.chat.grammar import compiler

    compile_constraint = compiler.compile_constraint
    counted = []

    def slowly(constraint: Constraint, tokenizer: Any) -> Any:
        counted.append(constraint)
        if "slow" in constraint.text:
            asyncio.run(asyncio.sleep(1.0))
        return compile_constraint(constraint, tokenizer)

    monkeypatch.setattr(compiler, "compile_constraint", slowly)
    slow = [asyncio.create_task(answer(engine, ask("choice", ["slow"]))) for _ in range(3)]
    await asyncio.sleep(0.1)
    slow.pop().cancel()
    assert (await answer(engine, ask("choice", ["quick"])))[0] == "quick"
    assert (await answer(engine, ask("choice", ["warm"])))[0] == "warm"
    assert not any(task.done() for task in slow)
    assert [text for text, _ in await asyncio.gather(*slow)] == ["slow", "slow"]
    assert len(counted) == 2


async def test_unloading_waits_for_a_compilation(engine: LlamaCppEngine) -> None:
    pending = [
        asyncio.create_task(answer(engine, ask("regex", f"[a-z]{{{n}}}"))) for n in range(50, 60)
    ]
    await asyncio.sleep(0)
    await engine.unload()
    outcomes = await asyncio.gather(*pending, return_exceptions=True)
    assert {type(outcome).__name__ for outcome in outcomes} <= {"EngineDiedError", "tuple"}
