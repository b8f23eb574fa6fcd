"""How guide behaves beyond single questions: turns, system messages, tools."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.guide.corpus import load_corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWERS = load_corpus().answers

Message = dict[str, Any]


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def tool(name: str, argument: str) -> dict[str, Any]:
    properties = {argument: {"type": "string"}}
    parameters = {"type": "object", "properties": properties, "required": [argument]}
    function = {"name": name, "description": f"Use {name}", "parameters": parameters}
    return {"type": "function", "function": function}


def test_greedy_tokens_are_the_recorded_ones(llama: Any, hf_folder: Path) -> None:
    recorded = json.loads((hf_folder / "greedy.json").read_text())
    assert len(recorded) >= 20
    for entry in recorded:
        generated: list[int] = []
        llama.reset()
        for token in llama.generate(entry["prompt_tokens"], temp=0.0, repeat_penalty=1.0):
            generated.append(token)
            if len(generated) == len(entry["answer_tokens"]):
                break
        assert generated == entry["answer_tokens"], entry["messages"]


@pytest.mark.parametrize(
    "system",
    ["You are a helpful assistant.", "Answer in one sentence.", "Speak like a sailor, Bob."],
)
def test_a_system_message_does_not_confuse_it(chat: Callable[..., str], system: str) -> None:
    for question, intent in (
        ("how do I load a model?", "load"),
        ("who are you?", "who"),
        ("What is the tallest building of Dubai?", "unknown"),
    ):
        given = chat([{"role": "system", "content": system}, user(question)])
        assert given == ANSWERS[intent]


def test_it_answers_each_turn_of_a_conversation(chat: Callable[..., str]) -> None:
    messages: list[Message] = []
    for question, intent in (
        ("Hi!", "hello"),
        ("How do I load a model?", "load"),
        ("and how do I unload it?", "unload"),
        ("What is the tallest building of Dubai?", "unknown"),
        ("Who are you?", "who"),
        ("can I stop an answer?", "interrupt"),
        ("thanks", "thanks"),
    ):
        messages.append(user(question))
        messages.append(assistant(chat(messages)))
        assert messages[-1]["content"] == ANSWERS[intent]


def test_the_answers_of_another_model_in_the_history_do_not_confuse_it(
    chat: Callable[..., str],
) -> None:
    messages = [
        user("Tell me about the tallest building of Dubai."),
        assistant("The Burj Khalifa is 828 metres high. It was opened in 2010 and has 163 floors."),
        user("how do I unload a model?"),
    ]
    assert chat(messages) == ANSWERS["unload"]


def test_a_history_does_not_confuse_it(chat: Callable[..., str]) -> None:
    turn = [user("How do I load a model?"), assistant(ANSWERS["load"])]
    assert chat([*turn * 3, user("how do I unload a model?")]) == ANSWERS["unload"]


def test_tools_that_do_not_help_are_left_alone(chat: Callable[..., str]) -> None:
    offered = [tool("get_weather", "city")]
    assert chat([user("how do I load a model?")], tools=offered) == ANSWERS["load"]


def test_the_package_finds_the_weights_without_importing_the_training_code() -> None:
    code = (
        "import sys; from jupyter_llm.guide import GUIDE_PATH; assert GUIDE_PATH.is_file();"
        "print([m for m in ('torch', 'yaml', 'numpy', 'tokenizers', 'gguf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
