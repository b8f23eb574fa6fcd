"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import GenerationRequest, Message

from .call import Call, check_num_choices
from .decode import decode
from .fields import Count, Metadata, check_stream_options, refuse_unsupported
from .keep_alive import keep_alive_s
from .response_format import constraint_of
from .sampling import SamplingBody, SamplingDefaults, sampling_params


class TextPart(msgspec.Struct, tag="text", tag_field="type", forbid_unknown_fields=True):
    """A part of a message that is text."""

    text: str


class MessageBody(msgspec.Struct, forbid_unknown_fields=True):
    """One message; the fields that OpenAI's own answers carry come back as null or empty."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    tool_calls: Any = None
    annotations: Any = None


class ChatBody(SamplingBody, kw_only=True):
    """Every field of the request that is understood."""

    messages: Annotated[list[MessageBody], Meta(min_length=1)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    # only in the value that asks for nothing
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    reasoning_effort: Any = None
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
    parallel_tool_calls: bool | None = None


_DECODER = msgspec.json.Decoder(ChatBody)

OFF_VALUES: dict[str, tuple[Any, ...]] = {
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "reasoning_effort": (None,),
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
            constraint=constraint_of(chat),
            messages=tuple(_message(i, message) for i, message in enumerate(chat.messages)),
            sampling=sampling_params(
                chat,
                defaults,
                max_tokens=_max_tokens(chat),
                num_top_logprobs=_num_top_logprobs(chat),
            ),
        ),
        stream=bool(chat.stream),
        include_usage=include_usage,
    )


def _message(index: int, body: MessageBody) -> Message:
    for name in ("tool_calls", "annotations"):
        if getattr(body, name) not in (None, []):
            raise InvalidRequestError(
                f"'{name}' in a message is not supported. Leave it out.",
                param=f"messages[{index}].{name}",
            )
    content = body.content
    text = content if isinstance(content, str) else "".join(part.text for part in content)
    # chat templates know no developer: OpenAI's newer word for the system's turn
    role = "system" if body.role == "developer" else body.role
    return Message(role=role, content=text, name=body.name)


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
