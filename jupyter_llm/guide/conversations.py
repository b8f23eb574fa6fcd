"""Conversations to learn from: questions and answers in turns, some with tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_llm.guide.corpus import expand
from jupyter_llm.guide.questions import ask, pasted, pseudo_word

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from jupyter_llm.guide.corpus import Corpus

Messages = list[dict[str, Any]]

UNKNOWN = 0.27
WITH_SYSTEM = 0.1
WITH_TOOLS = 0.03
FOREIGN_TURN = 0.1
TURNS = (1,) * 18 + (2, 2)


def conversations(
    corpus: Corpus, rng: random.Random, count: int
) -> Iterator[tuple[Messages, list[dict[str, Any]]]]:
    """`count` conversations, each with the tools that its client offers (mostly none)."""
    for _ in range(count):
        if rng.random() < WITH_TOOLS:
            yield _with_tools(corpus, rng)
        else:
            yield [*_system(corpus, rng), *_turns(corpus, rng, rng.choice(TURNS))], []


def _system(corpus: Corpus, rng: random.Random) -> Messages:
    if rng.random() >= WITH_SYSTEM:
        return []
    content = rng.choice(corpus.frames["systems"])
    if rng.random() < 0.15:
        content += "\n" + pasted(corpus, "text", rng)
    return [{"role": "system", "content": content}]


def _turns(corpus: Corpus, rng: random.Random, count: int) -> Messages:
    messages: Messages = []
    for _ in range(count):
        intent = corpus.unknown if rng.random() < UNKNOWN else rng.choice(corpus.intents)
        messages.append({"role": "user", "content": ask(corpus, intent, rng)})
        messages.append({"role": "assistant", "content": intent.answer})
    if count > 1 and rng.random() < FOREIGN_TURN:
        messages[1] = {"role": "assistant", "content": pasted(corpus, "text", rng), "foreign": True}
    return messages


def _with_tools(corpus: Corpus, rng: random.Random) -> tuple[Messages, list[dict[str, Any]]]:
    offered = rng.sample(corpus.tools["tools"], rng.choice((1, 1, 2, 3)))
    names = {tool["name"]: _rename(tool, rng) for tool in offered}
    tool = rng.choice(offered)
    call = _call(corpus, tool, names[tool["name"]], rng)
    other = _turns(corpus, rng, 1)
    turns = rng.choice((call, call, other + call, call + other, other))
    declarations = [_declaration(tool, names[tool["name"]]) for tool in offered]
    return [*_system(corpus, rng), *turns], declarations


def _rename(tool: dict[str, Any], rng: random.Random) -> str:
    if rng.random() < 0.8:
        return str(tool["name"])
    return f"{tool['name']}_{pseudo_word(rng)}"


def _declaration(tool: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": tool["description"],
            "parameters": {
                "type": "object",
                "properties": {tool["argument"]: {"type": "string"}},
                "required": [tool["argument"]],
            },
        },
    }


def _call(corpus: Corpus, tool: dict[str, Any], name: str, rng: random.Random) -> Messages:
    value = _value(corpus, tool["values"], rng)
    question = expand(rng.choice(tool["questions"]), rng, corpus.words).replace("{}", value)
    if rng.random() < 0.5:
        question = question[:1].upper() + question[1:]
    call = json.dumps({"name": name, "arguments": {tool["argument"]: value}}, ensure_ascii=False)
    messages: Messages = [
        {"role": "user", "content": question + rng.choice(("?", "", "?", ".", " please"))},
        {"role": "assistant", "content": f"<tool_call>\n{call}\n</tool_call>"},
    ]
    if rng.random() < 0.5:
        result = rng.choice(corpus.tools["results"]).replace("{n}", str(rng.randint(1, 40)))
        answer = corpus.tools["answer"].replace("{}", result)
        messages.append({"role": "tool", "content": result})
        messages.append({"role": "assistant", "content": answer})
    return messages


def _value(corpus: Corpus, kind: str, rng: random.Random) -> str:
    if rng.random() < 0.6:
        return str(rng.choice(corpus.tools["values"][kind]))
    word = pseudo_word(rng)
    if kind == "place":
        return word.capitalize()
    return f"{word}.{rng.choice(('txt', 'csv', 'md'))}" if kind == "path" else word
