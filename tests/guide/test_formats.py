"""guide.gguf and tests/models/guide are one model: same tokens, same logits, same template."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from gguf import GGUFReader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from numpy_llama import NumpyLlama

from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.guide.conversations import conversations
from jupyter_llm.guide.corpus import load_corpus
from jupyter_llm.guide.tokenizer import encode, render, with_dropout

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

ODD_TEXTS = (
    "",
    " ",
    "\n\n\n  \t\n",
    "  two  spaces   three    four ",
    "don't you've I'LL we're 'tis ''s",
    "{name} {{x}} {% if %} {df[0]['a']}",
    "def f(x):\n    return {k: v ** 2 for k, v in x.items()}\n\n\nprint(f({1: 2}))\n",
    "emoji 😀👩‍👩‍👧 and ½ ² Ⅷ 漢字 かな العربية नमस्ते",
    "naïve café Ünïcödé e\u0301\u200b\u00a0end",
    "1234567890 3.14 1e-5 0xFF",
    "<tool_call>\n{}\n</tool_call> <|im_start|>user\nhi<|im_end|> <not|a|token>",
    "\r\n windows \r\n\x00\x07",
    "%%llm -m guide --temperature 0\n%load_ext jupyter_llm",
)

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def rendered_conversations(count: int) -> list[str]:
    corpus = load_corpus()
    return [render(*turns) for turns in conversations(corpus, random.Random(7), count)]


def test_both_tokenizers_cut_every_text_alike(llama: Any, hf_tokenizer: Tokenizer) -> None:
    corpus = load_corpus()
    texts = [*ODD_TEXTS, *rendered_conversations(300), *corpus.answers.values()]
    different = [
        text
        for text in texts
        if llama.tokenize(text.encode(), add_bos=False, special=True)
        != hf_tokenizer.encode(text).ids
    ]
    assert different == []


def test_tokens_decode_to_the_text_they_came_from(llama: Any, hf_tokenizer: Tokenizer) -> None:
    for text in ODD_TEXTS:
        ids = hf_tokenizer.encode(text).ids
        assert hf_tokenizer.decode(ids, skip_special_tokens=False) == text
        assert llama.detokenize(ids, special=True).decode() == text


def test_training_cuts_text_as_inference_does(hf_tokenizer: Tokenizer) -> None:
    for messages, tools in conversations(load_corpus(), random.Random(3), 100):
        ids, _ = encode(messages, tools, hf_tokenizer, hf_tokenizer)
        assert ids == hf_tokenizer.encode(render(messages, tools)).ids


def test_training_learns_answers_and_nothing_else(hf_tokenizer: Tokenizer) -> None:
    messages = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "said by another model", "foreign": True},
        {"role": "user", "content": "load a model"},
        {"role": "assistant", "content": "Run %llm load NAME."},
    ]
    ids, written = encode(messages, [], hf_tokenizer, with_dropout(hf_tokenizer, 0.5))
    learned = [token for token, is_written in zip(ids, written, strict=True) if is_written]
    text = hf_tokenizer.decode(learned, skip_special_tokens=False)
    assert text == "Run %llm load NAME.<|im_end|>"


def test_llama_cpp_and_numpy_agree_on_logits(llama: Any, hf_folder: Path) -> None:
    reference = NumpyLlama(hf_folder)
    for text in rendered_conversations(12):
        ids = llama.tokenize(text.encode(), add_bos=False, special=True)
        llama.reset()
        llama.eval(ids)
        ours = np.array(llama.scores[: len(ids)])
        expected = reference.logits(ids)
        assert np.abs(ours - expected).max() < 0.15
        assert (ours.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.98


def test_the_template_is_the_same_everywhere(hf_folder: Path, llama: Any) -> None:
    config = json.loads((hf_folder / "tokenizer_config.json").read_text())
    assert llama.metadata["tokenizer.chat_template"] == config["chat_template"]


@pytest.mark.parametrize("blocks", [False, True])
def test_the_template_renders_in_a_sandbox(hf_folder: Path, blocks: bool) -> None:
    config = json.loads((hf_folder / "tokenizer_config.json").read_text())
    environment = ImmutableSandboxedEnvironment(trim_blocks=blocks, lstrip_blocks=blocks)
    template = environment.from_string(config["chat_template"])
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "weather in {Oslo}?"},
    ]
    plain = template.render(messages=messages, add_generation_prompt=True)
    assert plain == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nweather in {Oslo}?<|im_end|>\n<|im_start|>assistant\n"
    )
    with_tools = template.render(messages=messages, tools=[TOOL], add_generation_prompt=False)
    assert with_tools.startswith("<|im_start|>system\nBe brief.\n\n# Tools\n<tools>\n{")
    assert with_tools.endswith("weather in {Oslo}?<|im_end|>\n")


@pytest.mark.parametrize("arguments", ['{"city": "Oslo"}', {"city": "Oslo"}])
@pytest.mark.parametrize("nested", [False, True])
def test_the_template_writes_tool_calls_as_they_were_generated(
    arguments: object, nested: bool
) -> None:
    call = {"name": "get_weather", "arguments": arguments}
    messages = [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": call} if nested else call],
        },
        {"role": "tool", "content": "12 degrees"},
    ]
    assert render(messages, [TOOL]).endswith(
        "<|im_start|>assistant\n<tool_call>\n"
        '{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n12 degrees\n</tool_response><|im_end|>\n"
    )


def test_the_gguf_describes_itself(llama: Any) -> None:
    metadata = llama.metadata
    assert metadata["general.architecture"] == "llama"
    assert metadata["general.name"] == "guide"
    assert metadata["llama.context_length"] == "2048"
    assert metadata["tokenizer.ggml.pre"] == "gpt-2"
    assert llama.token_eos() == llama.tokenize(b"<|im_end|>", add_bos=False, special=True)[0]


def test_the_weights_stay_small() -> None:
    assert GUIDE_PATH.stat().st_size <= 7_000_000
    parameters = sum(int(tensor.n_elements) for tensor in GGUFReader(GUIDE_PATH).tensors)
    assert 2_000_000 <= parameters <= 5_000_000
