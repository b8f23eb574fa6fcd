"""What echo answers, decided before the first token."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from jupyter_llm.chat.text import first_stop
from jupyter_llm.errors import ContextLengthError, InvalidRequestError
from jupyter_llm.types import (
    FinishReason,
    GenerationRequest,
    TokenAlternative,
    TokenChunk,
    TokenLogprob,
    Toolbox,
    ToolCallDelta,
    ToolChoice,
)

from .words import split_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one request will be told: the tokens it gains and why it ends.

    With `calls`, the name of a tool, they are the arguments of a call.
    """

    pieces: tuple[str, ...]
    finish_reason: FinishReason
    calls: str
    num_prompt_tokens: int
    num_completion_tokens: int
    stop: str | None = None


def plan_answer(request: GenerationRequest, context_length: int) -> Answer:
    """Decide the whole answer before its first token.

    Raises:
        ContextLengthError: The prompt leaves no room in `context_length` tokens.
        InvalidRequestError: The request holds what echo does not have.
    """
    num_prompt_tokens = _count_prompt(request)
    limit = request.sampling.max_tokens
    num_needed = num_prompt_tokens + (0 if limit == 0 else 1)
    if num_needed > context_length:
        raise ContextLengthError(
            f"The prompt has {num_prompt_tokens} tokens and needs {num_needed} with its answer; "
            f"this model's context holds {context_length}. Shorten the prompt."
        )
    text, calls = _text_to_repeat(request), _forced_call(request.toolbox)
    tokens = split_tokens(_arguments(text) if calls else text)
    room = context_length - num_prompt_tokens
    room = room if limit is None else min(limit, room)
    within = "".join(tokens[:room])
    end, stop = first_stop(within, request.sampling.stop) or (None, None)
    is_cut = stop is None and len(tokens) > room
    given = split_tokens(within[:end])
    return Answer(
        pieces=tuple(given),
        finish_reason=FinishReason.LENGTH if is_cut else _end(calls),
        calls=calls,
        num_prompt_tokens=num_prompt_tokens,
        num_completion_tokens=len(given),
        stop=stop,
    )


def _end(calls: str) -> FinishReason:
    return FinishReason.TOOL_CALLS if calls else FinishReason.STOP


def _forced_call(toolbox: Toolbox) -> str:
    """The tool that has to be called: the one that is named, or else the first."""
    if toolbox.choice is not ToolChoice.REQUIRED:
        return ""
    return toolbox.name or toolbox.tools[0].name


def _arguments(text: str) -> str:
    """Arguments that repeat a text; one that is a JSON object is taken for them."""
    try:
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    return text if is_object else json.dumps({"text": text}, ensure_ascii=False)


def answer_chunk(piece: str, answer: Answer, request: GenerationRequest, offset: int) -> TokenChunk:
    """A word of the answer as text, or as a part of the call's arguments."""
    logprobs = _logprobs(piece, request, offset)
    if answer.calls:
        delta = ToolCallDelta(index=0, arguments=piece)
        return TokenChunk(text="", tool_calls=(delta,), logprobs=logprobs)
    return TokenChunk(text=piece, logprobs=logprobs)


def _text_to_repeat(request: GenerationRequest) -> str:
    if request.constraint:
        raise InvalidRequestError(
            "The echo model only repeats: it cannot hold an answer to a form.",
            param=request.constraint.param,
        )
    if request.reasoning_effort not in (None, "none"):
        raise InvalidRequestError("The echo model does not reason.", param="reasoning_effort")
    if request.sampling.logit_bias:
        raise InvalidRequestError("The echo model has no vocabulary to bias.", param="logit_bias")
    if request.suffix is not None:
        raise InvalidRequestError("The echo model fills no gaps.", param="suffix")
    if request.prompt_tokens is not None:
        raise InvalidRequestError("The echo model takes text, not token ids.", param="prompt")
    if request.prompt is not None:
        return request.prompt
    spoken = [m.content for m in request.messages or () if m.role == "user"]
    if not spoken:
        raise InvalidRequestError(
            "The echo model repeats the last user message, and there is none.", param="messages"
        )
    return spoken[-1]


def _count_prompt(request: GenerationRequest) -> int:
    return len(prompt_words(request))


def prompt_words(request: GenerationRequest) -> list[str]:
    """What echo reads, word by word."""
    if request.prompt is not None:
        return split_tokens(request.prompt)
    return [word for message in request.messages or () for word in split_tokens(message.content)]


def prompt_logprobs(request: GenerationRequest) -> tuple[TokenLogprob, ...]:
    """The first token of a prompt follows nothing, so nothing is known of it."""
    found: list[TokenLogprob] = []
    offset = 0
    for piece in split_tokens(request.prompt or ""):
        found += _logprobs(piece, request, offset)
        offset += len(piece)
    if found:
        found[0] = replace(found[0], chosen=replace(found[0].chosen, logprob=None), top=())
    return tuple(found)


def _logprobs(piece: str, request: GenerationRequest, offset: int) -> tuple[TokenLogprob, ...]:
    """Certainty: the only choice has the log-probability 0."""
    asked = request.sampling.num_top_logprobs
    if asked is None:
        return ()
    chosen = TokenAlternative(text=piece, text_bytes=piece.encode(), logprob=0.0)
    return (TokenLogprob(chosen=chosen, top=(chosen,) if asked else (), offset=offset),)
