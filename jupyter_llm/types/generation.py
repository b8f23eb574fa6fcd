"""A request for text, and the tokens that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jupyter_llm.types.constraint import Constraint
from jupyter_llm.types.conversation import Message, Toolbox


class FinishReason(StrEnum):
    """Why a generation ended, in OpenAI's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingParams:
    """How to choose the next token, and when to stop.

    `max_tokens` of `None` means as many as the context holds; `seed` of `None`
    draws one; `num_top_logprobs` of `None` asks for no log-probabilities, 0 for
    the chosen token's alone. `logit_bias` pairs token ids with added logits.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_penalty: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    num_top_logprobs: int | None = None
    ignore_eos: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Relayed:
    """A request as its caller has written it, for a model that speaks OpenAI's protocol itself.

    `route` is the path below `/v1/` and `body` a JSON object that lacks only the name of the
    model. With `is_stream` the answer comes as server-sent events, of which the caller wants
    the one that has nothing but the usage if `wants_usage`.
    """

    route: str
    body: bytes = field(repr=False)
    is_stream: bool = False
    wants_usage: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationRequest:
    """What one caller wants generated.

    Exactly one of `messages` (a conversation, rendered by the model's chat
    template), `prompt` (text taken as it is), `prompt_tokens` and `relayed`, which models
    of the format `openai` alone take, is given; `suffix` is the text behind the gap that the
    answer to a prompt fills. `reasoning_effort` and `template_arguments` go to the chat
    template; `reasoning_budget` bounds the tokens of reasoning, 0 allows none. `user` is who
    asks, empty for nobody known; among the requests of one user the higher `priority` goes
    first. `keep_alive_s` is how long the model stays in memory afterwards; `None` changes
    nothing, infinity is for ever. `stream_id` is what its client calls it.
    """

    id: str
    model_id: str
    messages: tuple[Message, ...] | None = None
    prompt: str | None = None
    prompt_tokens: tuple[int, ...] | None = None
    sampling: SamplingParams = field(default_factory=SamplingParams)
    echo: bool = False
    keep_alive_s: float | None = None
    suffix: str | None = None
    constraint: Constraint | None = None
    toolbox: Toolbox = field(default_factory=Toolbox)
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    template_arguments: Mapping[str, Any] = field(default_factory=dict)
    user: str = ""
    priority: int = 0
    stream_id: str = ""
    relayed: Relayed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenAlternative:
    """A token that could have been chosen, with its natural log-probability.

    `text_bytes` are the token's own bytes: a token may hold half a character. The first
    token of a prompt follows nothing: it has no probability.
    """

    text: str
    text_bytes: bytes
    logprob: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLogprob:
    """The chosen token and the likeliest ones at its place, likeliest first.

    `offset` is where its text begins in that of the answer, in characters.
    """

    chosen: TokenAlternative
    top: tuple[TokenAlternative, ...] = ()
    offset: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one request.

    `cached_tokens` is the part of the prompt that was not recomputed, `reasoning_tokens`
    the part of the completion that was reasoning.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Where a request's time went, in seconds; prefill ends with the first token."""

    queue_s: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCallDelta:
    """What call number `index` of an answer has gained; the first delta alone has id and name."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenChunk:
    """What an answer has just gained; its last chunk alone has the three ends.

    `index` says which of several answers to one call it belongs to: then each answer ends
    with its finish reason, and the last of them with the usage and the timings of all.
    `stop` is the stop string that ended it. `relayed` is what has come of the answer to a
    relayed request: whole server-sent events, or the body. `served_by` names the replica that
    has answered, where a service has several.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    index: int = 0
    stop: str | None = None
    relayed: bytes = b""
    served_by: str = ""

    @property
    def num_written(self) -> int:
        """About how many tokens a reader gets with this chunk."""
        if self.relayed:
            return self.relayed.count(b"data: {")
        return int(bool(self.text or self.reasoning or self.tool_calls))
