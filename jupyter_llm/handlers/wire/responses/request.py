"""The body of `POST /v1/responses`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.call import Call
from jupyter_llm.handlers.wire.decode import decode
from jupyter_llm.handlers.wire.fields import (
    Count,
    Priority,
    RawObject,
    Seed,
    Temperature,
    TopK,
    Unit,
    refuse_unsupported,
)
from jupyter_llm.handlers.wire.keep_alive import KeepAlive, keep_alive_s
from jupyter_llm.handlers.wire.sampling import SamplingBody, SamplingDefaults, sampling_params
from jupyter_llm.types import GenerationRequest, SamplingParams

from .conversation import conversation
from .items import Item, MessageItem, item_of
from .text import TextBody, constraint_of
from .tools import Choice, toolbox_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGPROBS = "message.output_text.logprobs"
Includable = Literal["message.output_text.logprobs", "reasoning.encrypted_content"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Key = Annotated[str, Meta(max_length=64)]
Value = Annotated[str, Meta(max_length=512)]


class ReasoningBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How much to think; there are no summaries, since the reasoning itself is shown."""

    effort: Effort | None = None
    summary: Literal["auto"] | None = None
    generate_summary: Literal["auto"] | None = None
    context: Literal["auto"] | None = None
    mode: Literal["standard"] | None = None


class ResponsesStreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """Obfuscation is padding that this server never adds."""

    include_obfuscation: bool | None = None


class ResponsesBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Every field of the request that is understood."""

    input: Annotated[str, Meta(min_length=1)] | Annotated[list[RawObject], Meta(min_length=1)]
    model: str | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: ResponsesStreamOptions | None = None
    max_output_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: list[RawObject] | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    text: TextBody | None = None
    reasoning: ReasoningBody | None = None
    include: list[Includable] | None = None
    metadata: Annotated[dict[Key, Value], Meta(max_length=16)] | None = None
    # beside OpenAI's own
    top_k: TopK | None = None
    min_p: Unit | None = None
    seed: Seed | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    # without effect here
    max_tool_calls: Count | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    # only in the value that asks for nothing
    access_programs: Any = None
    background: Any = None
    background_options: Any = None
    context_management: Any = None
    conversation: Any = None
    image: Any = None
    moderation: Any = None
    prompt: Any = None
    prompt_cache_options: Any = None
    service_tier: Any = None
    truncation: Any = None


_DECODER = msgspec.json.Decoder(ResponsesBody)

OFF_VALUES: dict[str, tuple[Any, ...]] = {
    "access_programs": (None,),
    "background": (None, False),
    "background_options": (None, {}),
    "context_management": (None, []),
    "conversation": (None,),
    "image": (None, {}),
    "moderation": (None,),
    "prompt": (None,),
    "prompt_cache_options": (None, {}, {"mode": "implicit"}),
    "service_tier": (None, "auto", "default"),
    "truncation": (None, "disabled"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request that is understood as far as it says itself: what came before it is not known."""

    body: ResponsesBody
    items: tuple[Item, ...]

    @property
    def is_to_store(self) -> bool:
        """Whether the response is to be kept: unless the request says no."""
        return self.body.store is not False


def asked_of(body: bytes) -> Asked:
    """What a request asks for.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    asked = decode(body, _DECODER)
    refuse_unsupported(asked, OFF_VALUES)
    if asked.stream_options is not None and not asked.stream:
        raise InvalidRequestError(
            "'stream_options' is only allowed together with 'stream': true.",
            param="stream_options",
        )
    if asked.top_logprobs and LOGPROBS not in (asked.include or ()):
        raise InvalidRequestError(
            f"'top_logprobs' needs 'include': [\"{LOGPROBS}\"].", param="top_logprobs"
        )
    return Asked(body=asked, items=_items(asked.input))


def responses_call(
    asked: Asked, history: Sequence[Item], request_id: str, defaults: SamplingDefaults
) -> Call:
    """The request to an engine; `history` is what the responses before had in and out.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    body = asked.body
    effort = body.reasoning.effort if body.reasoning else None
    return Call(
        request=GenerationRequest(
            id=request_id,
            model_id=body.model or "",
            keep_alive_s=keep_alive_s(body.keep_alive),
            priority=body.priority or 0,
            messages=conversation(body.instructions, history, asked.items),
            sampling=_sampling(body, defaults),
            constraint=constraint_of(body.text),
            toolbox=toolbox_of(
                body.tools, body.tool_choice, is_parallel=body.parallel_tool_calls is not False
            ),
            reasoning_effort=effort,
            reasoning_budget=0 if effort == "none" else None,
        ),
        stream=bool(body.stream),
        include_usage=True,
    )


def _items(given: str | list[msgspec.Raw]) -> tuple[Item, ...]:
    if isinstance(given, str):
        return (MessageItem(role="user", content=given),)
    return tuple(item_of(raw, f"input[{number}]") for number, raw in enumerate(given))


def _sampling(body: ResponsesBody, defaults: SamplingDefaults) -> SamplingParams:
    limit, asked = defaults.max_tokens_limit, body.max_output_tokens
    if asked is not None and limit and asked > limit:
        raise InvalidRequestError(
            f"'max_output_tokens' is {asked}, and this server allows at most {limit}.",
            param="max_output_tokens",
        )
    shared = SamplingBody(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        min_p=body.min_p,
        seed=body.seed,
    )
    wants_logprobs = LOGPROBS in (body.include or ())
    num_top = (body.top_logprobs or 0) if wants_logprobs else None
    return sampling_params(shared, defaults, max_tokens=asked, num_top_logprobs=num_top)
