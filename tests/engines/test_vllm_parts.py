"""The vLLM engine without vLLM: what it decides, and what it reads of logs and grammars."""

from __future__ import annotations

import os
from typing import Any

import pytest
from contract import GUIDE_FOLDER

from jupyter_llm.chat.grammar.compiler import compile_constraint, grammar_of
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.grammar.options import white_space
from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.engines.common.folder import read_folder
from jupyter_llm.engines.vllm.environment import environment
from jupyter_llm.engines.vllm.lark import as_lark
from jupyter_llm.engines.vllm.log import cause_in, progress_in
from jupyter_llm.engines.vllm.options import ResolvedOptions, resolve_options
from jupyter_llm.engines.vllm.sequence import Sequence
from jupyter_llm.engines.vllm.steps import Drawn
from jupyter_llm.engines.vllm.versions import TESTED, version_of
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    FinishReason,
    GenerationRequest,
    LoadOptions,
)

LOG = """INFO Initializing a V1 LLM engine (v0.32.0) with config: model='/m'
INFO Starting to load model /m...
ERROR EngineCore failed to start.
Traceback (most recent call last):
  File "core.py", line 1, in run
ValueError: To serve at least one request 2 GiB of KV cache is needed.
RuntimeError: Engine core initialization failed. See root cause above.
"""


def resolved(num_gpus: int = 0, num_heads: int = 32, **options: Any) -> ResolvedOptions:
    return resolve_options(
        LoadOptions(**options), 2048, num_heads=num_heads, num_gpus=num_gpus, num_cores=4
    )


def test_a_model_is_spread_over_the_gpus_that_share_its_heads() -> None:
    assert resolved().num_tensor_parts == 1
    assert resolved(num_gpus=4).num_tensor_parts == 4
    assert resolved(num_gpus=4, num_heads=14).num_tensor_parts == 2
    assert resolved(num_gpus=4, split_mode="row").num_tensor_parts == 4
    by_layer = resolved(num_gpus=3, split_mode="layer")
    assert (by_layer.num_tensor_parts, by_layer.num_pipeline_parts) == (1, 3)
    alone = resolved(num_gpus=4, split_mode="none")
    assert (alone.num_tensor_parts, alone.num_pipeline_parts) == (1, 1)


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("tensor_split", (3.0, 1.0)),
        ("adapters", ("a", "b")),
        ("kv_type", "q8_0"),
        ("speculation", "prompt_lookup"),
        ("draft_model", "small"),
        ("context_length", 4096),
        ("slots", 0),
    ],
)
def test_what_vllm_cannot_do_is_refused_by_its_field(param: str, value: object) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        resolved(**{param: value})
    assert refused.value.param == param


def test_a_step_has_room_for_a_token_of_each_slot() -> None:
    assert resolved(slots=100, batch_size=64).batch_size == 100
    assert resolved(num_gpus=1).batch_size > resolved().batch_size
    assert resolved(num_threads=3).num_threads == 3
    assert resolved().num_threads == 3


def test_every_kind_of_constraint_becomes_lark() -> None:
    texts = {
        ConstraintKind.JSON_OBJECT: "",
        ConstraintKind.JSON_SCHEMA: '{"type": "integer"}',
        ConstraintKind.REGEX: "a+/b",
        ConstraintKind.LARK: '?start: "a"',
        ConstraintKind.GBNF: 'root ::= "a"',
        ConstraintKind.CHOICE: '["a ::= b", "c"]',
    }
    assert texts.keys() == set(ConstraintKind)
    for kind, text in texts.items():
        lark = as_lark(grammar_of(Constraint(kind=kind, text=text)))
        assert lark.startswith("%llguidance {}\n"), kind
        assert "start: " in lark, kind


def test_white_space_is_held_short_by_what_the_version_understands() -> None:
    assert white_space("1.7.6") == {"whitespace_flexible": False}
    assert white_space("1.9.1").keys() == {"whitespace_pattern"}
    assert white_space("").keys() == {"whitespace_pattern"}


def test_the_log_tells_how_far_a_load_is_and_why_it_failed() -> None:
    assert progress_in("") == 0
    assert 0 < progress_in(LOG[:40]) < progress_in(LOG) < 1
    assert cause_in(LOG) == (
        "ValueError: To serve at least one request 2 GiB of KV cache is needed."
    )
    assert cause_in("INFO all is well") == ""


def test_the_environment_is_as_it_was_whatever_vllm_wrote_into_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "ours.so")
    before = dict(os.environ)
    with environment({"VLLM_NO_USAGE_STATS": "1"}):
        assert os.environ["VLLM_NO_USAGE_STATS"] == "1"
        os.environ["LD_PRELOAD"] = "libgomp.so:ours.so"
        os.environ["LOCAL_WORLD_SIZE"] = "1"
        del os.environ["PATH"]
    assert dict(os.environ) == before


def test_versions_are_compared_by_number() -> None:
    first, beyond = TESTED
    assert first <= version_of("0.32.0+cpu") < beyond
    assert version_of("0.33.1.dev3") < beyond <= version_of("0.34.0")
    assert version_of("dev") < first


def test_an_answer_of_two_grammars_is_asked_for_twice() -> None:
    folder = read_folder(GUIDE_FOLDER)
    vocabulary = FileVocabulary(folder, 2048)
    texts = ("start: /[ab]{2}/", "start: /[0-9]{2}/")
    constraints = [Constraint(kind=ConstraintKind.LARK, text=text) for text in texts]
    tokenizer = vocabulary.grammar_tokenizer()
    matchers = [compile_constraint(one, tokenizer) for one in constraints]
    request = GenerationRequest(id="r", model_id="guide", prompt="x")
    sequence = Sequence(
        request,
        vocabulary.tokenize("x"),
        vocabulary,
        room=100,
        form=Form(matchers, num_tokens=vocabulary.num_tokens, param="regex"),
        grammars=tuple(map(as_lark, texts)),
    )
    chunks = []
    for lark, text in zip(texts, ("ab", "17"), strict=True):
        assert lark in sequence.wanted().lark
        assert not sequence.has_turned
        tokens = [token for one in text for token in vocabulary.tokenize(one)]
        # vLLM is ahead: what it drew behind the turn does not count
        chunks += sequence.take_drawn(Drawn(tokens=[*tokens, 99]))
    assert "".join(chunk.text for chunk in chunks) == "ab17"
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 4
