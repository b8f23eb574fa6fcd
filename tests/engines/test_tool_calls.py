"""Tool calls and reasoning through the llama.cpp engine, on models with random weights."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from tiny_gguf import CONTEXT_LENGTH, _vocabulary, write_tiny_gguf

from jupyter_llm.chat.formats.choose import format_of
from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.host.engine import HostedEngine
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
    Tool,
    Toolbox,
    ToolChoice,
    Usage,
)

FIRST_MARKER = len(_vocabulary()[0])
"""The id of the first control token that a test adds."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"unit": {"enum": ["C", "F"]}, "day": {"type": "boolean"}},
    "required": ["unit", "day"],
    "additionalProperties": False,
}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
TOOLS = (
    Tool(name="weather", parameters=json.dumps(SCHEMA)),
    Tool(name="now", parameters=json.dumps(NOTHING)),
)
SCHEMAS = {"weather": SCHEMA, "now": NOTHING}
FORCED = Toolbox(tools=TOOLS, choice=ToolChoice.REQUIRED)

# what the formats are told by stands in comments; the turns are short, for the context is
TEMPLATE = (
    "{# SIGNS #}{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}"
    "{% for message in messages %}{{ message.role }} {{ message.content or '' }}"
    "{% for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor %}\n"
    "{% endfor %}A: OPENING"
)

FORMATS = {
    "hermes": "<tool_call>",
    "qwen3-coder": "<tool_call> <function= <parameter=",
    "llama3": '<|start_header_id|> "parameters"',
    "mistral": "[TOOL_CALLS]",
    "mistral-named": "[TOOL_CALLS] [ARGS]",
    "harmony": "<|channel|> <|message|>",
    "deepseek-v3": "<｜tool▁calls▁begin｜> <｜tool▁sep｜> ```json",
    "deepseek-v3.1": "<｜tool▁calls▁begin｜> <｜tool▁sep｜>",
    "kimi-k2": "<|tool_calls_section_begin|>",
    "glm": "<tool_call> <arg_key>",
    "functiongemma": "<start_function_call>",
    "gemma4": "<|tool_call>",
}


@dataclass
class Said:
    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    reason: FinishReason | None = None
    usage: Usage = field(default_factory=lambda: Usage(prompt_tokens=0, completion_tokens=0))

    def called(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(arguments)) for name, arguments in self.calls]


def template(signs: str, opening: str = "") -> str:
    return TEMPLATE.replace("SIGNS", signs).replace("OPENING", opening)


def tiny_model(path: Path, chat_template: str, markers: Sequence[str] = ()) -> Model:
    write_tiny_gguf(path, chat_template=chat_template, markers=markers)
    return Model(
        id="tiny", path=str(path), format="gguf", engine="llama_cpp", context_length=CONTEXT_LENGTH
    )


@asynccontextmanager
async def loaded(model: Model) -> AsyncIterator[LlamaCppEngine]:
    engine = LlamaCppEngine()
    await engine.load(model, LoadOptions(num_threads=1, slots=2), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def steered(request: GenerationRequest, **sampling: Any) -> GenerationRequest:
    return replace(request, sampling=replace(request.sampling, **sampling))


def ask(toolbox: Toolbox | None = None, seed: int = 1, **fields: Any) -> GenerationRequest:
    return GenerationRequest(
        id="1",
        model_id="m",
        messages=(Message(role="user", content="Is it warm?"),),
        sampling=SamplingParams(max_tokens=150, seed=seed),
        toolbox=toolbox or Toolbox(),
        **fields,
    )


async def answer(engine: Engine, request: GenerationRequest) -> Said:
    said = Said()
    async for chunk in engine.generate(request):
        said.text += chunk.text
        said.reasoning += chunk.reasoning
        for delta in chunk.tool_calls:
            if delta.id:
                assert delta.index == len(said.calls)
                said.calls.append((delta.name, ""))
            name, arguments = said.calls[delta.index]
            said.calls[delta.index] = (name, arguments + delta.arguments)
        said.reason, said.usage = chunk.finish_reason, chunk.usage or said.usage
    return said


def check(said: Said) -> None:
    """All calls are of tools that there are, and whole unless the answer was cut off."""
    whole = said.calls if said.reason is FinishReason.TOOL_CALLS else said.calls[:-1]
    for name, arguments in whole:
        validate(json.loads(arguments), SCHEMAS[name])


@pytest.mark.parametrize("has_tokens", [True, False], ids=["control tokens", "letters"])
@pytest.mark.parametrize("name", FORMATS)
async def test_a_forced_call_comes_in_every_format(
    tmp_path: Path, name: str, has_tokens: bool
) -> None:
    form = format_of(FORMATS[name])
    assert form.name == name
    markers = [*form.markers, "</tool_call>"] if has_tokens else []
    model = tiny_model(tmp_path / "m.gguf", template(FORMATS[name]), sorted(set(markers)))
    async with loaded(model) as engine:
        toolbox = replace(FORCED, is_parallel=False)
        for seed in range(4):
            said = await answer(engine, ask(toolbox, seed, reasoning_effort="none"))
            check(said)
            assert (said.reason, len(said.calls)) == (FinishReason.TOOL_CALLS, 1)
            assert not said.text
            named = await answer(
                engine, ask(replace(toolbox, name="now"), seed, reasoning_effort="none")
            )
            assert named.called() == [("now", {})]


async def test_several_calls_may_come(tmp_path: Path) -> None:
    markers = ("<tool_call>", "</tool_call>")
    model = tiny_model(tmp_path / "m.gguf", template("<tool_call>"), markers)
    async with loaded(model) as engine:
        for seed in range(4):
            # it may not end, so it goes on calling until it is cut off
            said = await answer(engine, steered(ask(FORCED, seed), ignore_eos=True))
            check(said)
            assert len(said.calls) > 1
            assert said.reason is FinishReason.LENGTH


async def test_strict_tools_hold_where_the_model_may_choose(tmp_path: Path) -> None:
    strict = tuple(replace(tool, is_strict=True) for tool in TOOLS)
    model = tiny_model(tmp_path / "m.gguf", template("<tool_call>"), ("<tool_call>",))
    async with loaded(model) as engine:
        for seed in range(3):
            request = ask(Toolbox(tools=strict), seed)
            said = await answer(engine, steered(request, logit_bias=((FIRST_MARKER, 100.0),)))
            assert said.calls
            check(said)


NEVER_CLOSES = ((FIRST_MARKER + 1, -100.0),)
THINK = ("<think>", "</think>", "<tool_call>", "</tool_call>")
THINKING = "<tool_call> </think>"


@pytest.mark.parametrize("opening", ["", "<think>\n"])
async def test_a_forced_call_comes_behind_the_reasoning(tmp_path: Path, opening: str) -> None:
    model = tiny_model(tmp_path / "m.gguf", template(THINKING, opening), THINK)
    async with loaded(model) as engine:
        request = ask(replace(FORCED, name="now"), reasoning_budget=20)
        said = await answer(engine, steered(request, logit_bias=NEVER_CLOSES))
        assert said.reasoning
        assert said.usage.reasoning_tokens in range(21, 25)
        assert said.called() == [("now", {})]
        assert said.reason is FinishReason.TOOL_CALLS

        skipped = await answer(engine, ask(replace(FORCED, name="now"), reasoning_effort="none"))
        assert not skipped.reasoning
        assert skipped.usage.reasoning_tokens == 0
        assert skipped.called() == [("now", {})]


async def test_a_form_begins_behind_the_reasoning(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "m.gguf", template(THINKING, "<think>\n"), THINK)
    constraint = Constraint(kind=ConstraintKind.JSON_SCHEMA, text=json.dumps(SCHEMA))
    async with loaded(model) as engine:
        request = ask(constraint=constraint, reasoning_budget=10)
        said = await answer(engine, steered(request, logit_bias=NEVER_CLOSES))
    validate(json.loads(said.text), SCHEMA)
    assert said.reasoning
    assert said.reason is FinishReason.STOP


async def test_a_budget_ends_the_reasoning_of_a_free_answer(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "m.gguf", template(THINKING, "<think>\n"), THINK)
    async with loaded(model) as engine:
        request = steered(ask(reasoning_budget=10), logit_bias=NEVER_CLOSES, max_tokens=60)
        said = await answer(engine, steered(request, ignore_eos=True))
    assert said.usage.reasoning_tokens in range(11, 15)
    assert said.usage.completion_tokens == 60
    assert said.text


async def test_a_schema_that_cannot_be_enforced_is_named(tmp_path: Path) -> None:
    schema, param = '{"type":"object","properties":{"a":{"not":{}}}}', "tools[2].input_schema"
    tool = Tool(name="f", parameters=schema, param=param)
    model = tiny_model(tmp_path / "m.gguf", template("<tool_call>"))
    async with loaded(model) as engine:
        with pytest.raises(InvalidRequestError) as caught:
            await answer(engine, ask(Toolbox(tools=(*TOOLS, tool), choice=ToolChoice.REQUIRED)))
        await answer(engine, ask(Toolbox(tools=(*TOOLS, tool))))  # nothing is enforced here
    assert caught.value.param == param
    assert "/properties/a/not" in caught.value.message


async def test_reasoning_cannot_be_asked_of_a_model_that_has_none(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "m.gguf", template("<tool_call>"))
    async with loaded(model) as engine:
        with pytest.raises(InvalidRequestError) as caught:
            await answer(engine, ask(reasoning_effort="high"))
        assert (await answer(engine, ask(reasoning_effort="none"))).usage.completion_tokens
    assert caught.value.param == "reasoning_effort"


async def test_the_guide_calls_when_it_must() -> None:
    model = Model(
        id="guide", path=str(GUIDE_PATH), format="gguf", engine="llama_cpp", context_length=2048
    )
    async with loaded(model) as engine:
        for seed, is_parallel in itertools.product(range(3), (True, False)):
            request = ask(replace(FORCED, name="weather", is_parallel=is_parallel), seed)
            said = await answer(engine, request)
            assert len(said.calls) == 1
            check(said)


async def test_calls_and_reasoning_pass_between_processes(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "m.gguf", template(THINKING, "<think>\n"), THINK)
    engine = HostedEngine("llama_cpp")
    await engine.load(model, LoadOptions(num_threads=1, slots=2), lambda _: None)
    try:
        request = ask(
            replace(FORCED, name="now"), reasoning_budget=20, template_arguments={"a": [1, None]}
        )
        said = await answer(engine, steered(request, logit_bias=NEVER_CLOSES))
    finally:
        await engine.unload()
    assert said.reasoning
    assert said.usage.reasoning_tokens in range(21, 25)
    assert said.called() == [("now", {})]
