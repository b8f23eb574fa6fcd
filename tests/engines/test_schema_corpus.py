"""Every schema of the corpus is followed by the built-in model, or refused with its keyword."""

from __future__ import annotations

import asyncio
import json
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from schema_maker import NUM_SCHEMAS, Maker

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    FinishReason,
    GenerationRequest,
    LoadOptions,
    Model,
    SamplingParams,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "schemas"
WRITTEN = yaml.safe_load((FOLDER / "written.yaml").read_text())
GENERATED = json.loads((FOLDER / "generated.json").read_text())
MODEL = Model(
    id="guide", path=str(GUIDE_PATH), format="gguf", engine="llama_cpp", context_length=2048
)
MAX_TOKENS = 300
CLOSING_BIAS = 6.0
"""A model of this size likes to go on with what it began; `"`, `]` and `}` end it."""

SLOTS = 16


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Any]]:
    """What the model makes of each schema: its text and finish reason, or the refusal."""
    with asyncio.Runner() as runner:
        yield runner.run(_all_outcomes([*_accepted(), *(w["schema"] for w in _refused())]))


def _accepted() -> list[Any]:
    return [w["schema"] for w in WRITTEN if "refused" not in w] + GENERATED


def _refused() -> list[Any]:
    return [w for w in WRITTEN if "refused" in w]


async def _all_outcomes(schemas: list[Any]) -> dict[str, Any]:
    engine = LlamaCppEngine()
    options = LoadOptions(num_threads=1, slots=SLOTS, num_kv_cells=SLOTS * 512, context_length=512)
    await engine.load(MODEL, options, lambda _: None)
    vocabulary = engine._require_loaded().runtime.vocabulary
    closing = {vocabulary.tokenize(mark)[-1] for mark in ('"', "]", "}", '"}', '",', "}]")}
    turns = asyncio.Semaphore(2 * SLOTS)

    async def outcome(schema: Any) -> tuple[str, Any]:
        async with turns:
            return json.dumps(schema), await _outcome(engine, schema, closing)

    try:
        return dict(await asyncio.gather(*map(outcome, schemas)))
    finally:
        await engine.unload()


async def _outcome(engine: LlamaCppEngine, schema: Any, closing: set[int]) -> Any:
    request = GenerationRequest(
        id="1",
        model_id="guide",
        prompt="Write JSON:\n",
        sampling=SamplingParams(
            seed=1,
            max_tokens=MAX_TOKENS,
            logit_bias=tuple((token, CLOSING_BIAS) for token in closing),
        ),
        constraint=Constraint(kind=ConstraintKind.JSON_SCHEMA, text=json.dumps(schema), param="p"),
    )
    try:
        chunks = [chunk async for chunk in engine.generate(request)]
    except InvalidRequestError as error:
        return error
    return "".join(chunk.text for chunk in chunks), chunks[-1].finish_reason


def test_the_corpus_is_large_and_as_its_maker_makes_it() -> None:
    assert [Maker(seed).root() for seed in range(NUM_SCHEMAS)] == GENERATED
    assert len(WRITTEN) + len(GENERATED) >= 300
    assert len({json.dumps(schema) for schema in _accepted()}) == len(_accepted())


def test_what_is_accepted_is_followed(outcomes: dict[str, Any]) -> None:
    num_followed = num_cut = 0
    for schema in _accepted():
        outcome = outcomes[json.dumps(schema)]
        if isinstance(outcome, InvalidRequestError):
            continue
        text, finish_reason = outcome
        if finish_reason is FinishReason.LENGTH:
            num_cut += 1
            continue
        _validate(json.loads(text), schema)
        num_followed += 1
    assert num_followed >= 250
    assert num_cut <= 10


def test_what_was_written_to_be_followed_is_accepted(outcomes: dict[str, Any]) -> None:
    for written in WRITTEN:
        if "refused" not in written:
            assert not isinstance(outcomes[json.dumps(written["schema"])], Exception), written


def test_a_refusal_names_a_keyword_of_the_schema(outcomes: dict[str, Any]) -> None:
    refusals = {s: o for s, o in outcomes.items() if isinstance(o, InvalidRequestError)}
    assert len(refusals) > len(_refused())
    for schema, error in refusals.items():
        assert error.param == "p"
        _resolve(json.loads(schema), _pointer(error))


@pytest.mark.parametrize("written", _refused(), ids=[w["name"] for w in _refused()])
def test_a_refusal_names_the_keyword(outcomes: dict[str, Any], written: dict[str, Any]) -> None:
    error = outcomes[json.dumps(written["schema"])]
    assert isinstance(error, InvalidRequestError), error
    assert _pointer(error) == written["refused"], error.message


def _validate(value: Any, schema: Any) -> None:
    validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    checker = validator.FORMAT_CHECKER
    jsonschema.validate(value, schema, cls=validator, format_checker=checker)


def _pointer(error: InvalidRequestError) -> str:
    return error.message.partition(" cannot be enforced")[0].partition("#")[2]


def _resolve(schema: Any, pointer: str) -> Any:
    def step(value: Any, part: str) -> Any:
        key = part.replace("~1", "/").replace("~0", "~")
        return value[int(key)] if isinstance(value, list) else value[key]

    return reduce(step, pointer.split("/")[1:], schema)
