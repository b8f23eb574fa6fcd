"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import GenerationRequest

from .call import Call, check_num_choices, is_resumable, stream_name
from .chat_messages import MessageBody, messages_of
from .decode import decode
from .fields import (
    Count,
    Metadata,
    NumberOf,
    StreamId,
    check_stream_options,
    refuse_unsupported,
)
from .keep_alive import keep_alive_s
from .response_format import constraint_of
from .sampling import SamplingBody, SamplingDefaults, sampling_params
from .tools_request import Choice, Tools, template_arguments, toolbox_of

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ChatBody(SamplingBody, kw_only=True):
    """Every field of the request that is understood."""

    messages: Annotated[list[MessageBody], Meta(min_length=1)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    resumable: bool | None = None
    stream_id: StreamId | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: Tools | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: ReasoningEffort | None = None
    reasoning_budget: NumberOf | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    # only in the value that asks for nothing
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    verbosity: Any = None
    web_search_options: Any = None
    service_tier: Any = None
    moderation: Any = None
    prompt_cache_options: Any = None
    # accepted: nothing is stored, and prefixes are cached for whoever comes
    metadata: Metadata | None = None
    store: bool | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None


_DECODER = msgspec.json.Decoder(ChatBody)

OFF_VALUES: dict[str, tuple[Any, ...]] = {
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "verbosity": (None, "medium"),
    "web_search_options": (None,),
    "service_tier": (None, "auto", "default"),
    "moderation": (None,),
    "prompt_cache_options": (None, {}, {"mode": "implicit"}),
}


def chat_call(body: bytes, request_id: str, defaults: SamplingDefaults) -> Call:
    """The body as a request; `model_id` is the name as given, empty if none was.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    chat = decode(body, _DECODER)
    refuse_unsupported(chat, OFF_VALUES)
    include_usage = check_stream_options(stream=chat.stream, options=chat.stream_options)
    check_num_choices(num_prompts=1, n=chat.n or 1)
    return Call(
        n=chat.n or 1,
        request=GenerationRequest(
            id=request_id,
            model_id=chat.model or "",
            keep_alive_s=keep_alive_s(chat.keep_alive),
            priority=chat.priority or 0,
            stream_id=chat.stream_id or "",
            constraint=constraint_of(chat),
            messages=messages_of(chat.messages),
            toolbox=toolbox_of(chat.tools, chat.tool_choice, is_parallel=chat.parallel_tool_calls),
            reasoning_effort=chat.reasoning_effort,
            reasoning_budget=chat.reasoning_budget,
            template_arguments=template_arguments(chat.chat_template_kwargs),
            sampling=sampling_params(
                chat,
                defaults,
                max_tokens=_max_tokens(chat),
                num_top_logprobs=_num_top_logprobs(chat),
            ),
        ),
        stream=bool(chat.stream),
        include_usage=include_usage,
        resumable=is_resumable(stream=chat.stream, resumable=chat.resumable),
        stream_id=stream_name(chat.stream_id, request_id, resumable=chat.resumable),
    )


def _max_tokens(chat: ChatBody) -> int | None:
    given = {chat.max_tokens, chat.max_completion_tokens} - {None}
    if len(given) > 1:
        raise InvalidRequestError(
            "'max_tokens' and 'max_completion_tokens' differ; give one of them.",
            param="max_tokens",
        )
    return next(iter(given), None)


def _num_top_logprobs(chat: ChatBody) -> int | None:
    if not chat.logprobs:
        if chat.top_logprobs is not None:
            raise InvalidRequestError(
                "'top_logprobs' needs 'logprobs': true.", param="top_logprobs"
            )
        return None
    return chat.top_logprobs or 0
