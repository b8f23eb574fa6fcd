"""The bodies of `POST /v1/messages` and of `POST /v1/messages/count_tokens`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.call import Call
from jupyter_llm.handlers.wire.decode import decode
from jupyter_llm.handlers.wire.fields import (
    Count,
    NonEmpty,
    Priority,
    RawObject,
    Seed,
    Unit,
    Whole,
    refuse_unsupported,
)
from jupyter_llm.handlers.wire.keep_alive import KeepAlive, keep_alive_s
from jupyter_llm.handlers.wire.sampling import SamplingBody, SamplingDefaults, sampling_params
from jupyter_llm.types import Constraint, ConstraintKind, GenerationRequest, Message

from .blocks import CacheControl, MessageBody, OnlyText, Turns
from .tools import ToolChoiceBody, toolbox_of

MAX_STOP_SEQUENCES = 16


class ThinkingOn(
    msgspec.Struct, tag="enabled", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """Thinking, in so many tokens at most."""

    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: Literal["summarized"] | None = None


class ThinkingAsWanted(
    msgspec.Struct, tag="adaptive", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """As much thinking as the model likes."""

    display: Literal["summarized"] | None = None


class ThinkingOff(msgspec.Struct, tag="disabled", tag_field="type", forbid_unknown_fields=True):
    """No thinking."""


Thinking = ThinkingOn | ThinkingAsWanted | ThinkingOff


class OutputFormat(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The form that the text is held to."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How much effort goes into an answer, and its form."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class MetadataBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom the client asks for."""

    user_id: str | None = None


class PromptBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What makes a prompt."""

    messages: Annotated[list[MessageBody], Meta(min_length=1)]
    model: str | None = None
    system: str | list[OnlyText] | None = None
    tools: list[RawObject] | None = None
    tool_choice: ToolChoiceBody | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    # without effect: every prefix is cached
    cache_control: CacheControl | None = None
    # only in the value that asks for nothing
    speed: Any = None
    user_profile_id: Any = None
    workspace_id: Any = None


class MessagesBody(PromptBody, kw_only=True):
    """Every field of the request that is understood."""

    max_tokens: Count
    stream: bool | None = None
    stop_sequences: Annotated[list[NonEmpty], Meta(max_length=MAX_STOP_SEQUENCES)] | None = None
    temperature: Unit | None = None
    top_p: Unit | None = None
    top_k: Whole | None = None
    metadata: MetadataBody | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    # beside Anthropic's own
    min_p: Unit | None = None
    seed: Seed | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    # only in the value that asks for nothing
    container: Any = None
    diagnostics: Any = None
    inference_geo: Any = None


_PROMPT = msgspec.json.Decoder(PromptBody)
_MESSAGES = msgspec.json.Decoder(MessagesBody)

_PROMPT_OFF: dict[str, tuple[Any, ...]] = {
    "speed": (None, "standard"),
    "user_profile_id": (None,),
    "workspace_id": (None,),
}
OFF_VALUES: dict[str, tuple[Any, ...]] = {
    **_PROMPT_OFF,
    "container": (None,),
    "diagnostics": (None, {}, {"previous_message_id": None}),
    "inference_geo": (None,),
}


def messages_call(body: bytes, request_id: str, defaults: SamplingDefaults) -> Call:
    """The body as a request; `model_id` is the name as given, empty if none was.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    asked = decode(body, _MESSAGES)
    refuse_unsupported(asked, OFF_VALUES)
    shared = SamplingBody(
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        min_p=asked.min_p,
        seed=asked.seed,
        stop=asked.stop_sequences,
    )
    sampling = sampling_params(shared, defaults, max_tokens=asked.max_tokens, num_top_logprobs=None)
    request = replace(
        _request(asked, request_id),
        sampling=sampling,
        keep_alive_s=keep_alive_s(asked.keep_alive),
        priority=asked.priority or 0,
    )
    if request.reasoning_budget is not None and request.reasoning_budget >= asked.max_tokens:
        raise InvalidRequestError(
            "'max_tokens' must be greater than 'thinking.budget_tokens', which is a part of it.",
            param="max_tokens",
        )
    return Call(request=request, stream=bool(asked.stream), include_usage=True)


def prompt_request(body: bytes, request_id: str) -> GenerationRequest:
    """The request whose prompt is to be counted. Raises what `messages_call` raises."""
    asked = decode(body, _PROMPT)
    refuse_unsupported(asked, _PROMPT_OFF)
    return _request(asked, request_id)


def _request(asked: PromptBody, request_id: str) -> GenerationRequest:
    config = asked.output_config or OutputConfig()
    return GenerationRequest(
        id=request_id,
        model_id=asked.model or "",
        messages=_turns(asked),
        constraint=_constraint(config.format),
        toolbox=toolbox_of(asked.tools, asked.tool_choice),
        reasoning_effort=config.effort,
        reasoning_budget=_budget(asked.thinking),
    )


def _turns(asked: PromptBody) -> tuple[Message, ...]:
    turns = Turns(asked.system)
    for number, message in enumerate(asked.messages):
        turns.add(message, f"messages[{number}]")
    if asked.messages[-1].role == "assistant":
        raise InvalidRequestError(
            "The last message is the assistant's, and models here do not go on in the middle of "
            "a turn. End with a message of the user.",
            param=f"messages[{len(asked.messages) - 1}].role",
        )
    return turns.turns()


def _budget(thinking: Thinking | None) -> int | None:
    match thinking:
        case ThinkingOn(budget_tokens=tokens):
            return tokens
        case ThinkingOff():
            return 0
    return None


def _constraint(form: OutputFormat | None) -> Constraint | None:
    if form is None:
        return None
    return Constraint(
        kind=ConstraintKind.JSON_SCHEMA,
        text=msgspec.json.encode(form.schema).decode(),
        param="output_config.format.schema",
    )
