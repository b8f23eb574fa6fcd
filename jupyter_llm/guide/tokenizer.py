"""guide's tokenizer: byte-level BPE with GPT-2's word splitting, ChatML's special tokens.

llama.cpp knows this splitting as `gpt-2`, so both sides cut every text alike.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from collections.abc import Iterable

CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")
VOCAB_SIZE = 2048
END_OF_TEXT = "<|endoftext|>"
END_OF_TURN = "<|im_end|>"
CONTROL_TOKENS = (END_OF_TEXT, "<|im_start|>", END_OF_TURN)
MARKUP_TOKENS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
"""Tokens that appear in decoded text, unlike control tokens."""

_ANSWER = re.compile(r"(?<=<\|im_start\|>assistant\n)(.*?<\|im_end\|>)", re.DOTALL)
_TEMPLATE = ImmutableSandboxedEnvironment().from_string(CHAT_TEMPLATE)


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learn a vocabulary of `VOCAB_SIZE` tokens from `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[
            *CONTROL_TOKENS,
            *(AddedToken(token, special=False, normalized=False) for token in MARKUP_TOKENS),
        ],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def with_dropout(tokenizer: Tokenizer, probability: float) -> Tokenizer:
    """A copy that skips merges at random (Provilkov et al. 2020): it sees words in pieces."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.model.dropout = probability
    return copy


def render(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
    """The conversation as text in ChatML."""
    return _TEMPLATE.render(messages=messages, tools=tools, add_generation_prompt=False)


def render_prompt(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
    """The conversation as text, up to where the answer begins."""
    return _TEMPLATE.render(messages=messages, tools=tools, add_generation_prompt=True)


def encode(
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]],
    tokenizer: Tokenizer,
    reader: Tokenizer,
) -> tuple[list[int], list[bool]]:
    """Token ids of a conversation, and which of them guide has to write.

    `reader` cuts what is read, `tokenizer` what is written. An answer marked as
    `foreign` stands in the conversation without being learned.
    """
    answers = (message for message in messages if message["role"] == "assistant")
    ids: list[int] = []
    written: list[bool] = []
    for index, part in enumerate(_ANSWER.split(render(messages, tools))):
        is_answer = index % 2 == 1
        new = (tokenizer if is_answer else reader).encode(part).ids
        ids += new
        written += [is_answer and not next(answers).get("foreign", False)] * len(new)
    return ids, written
