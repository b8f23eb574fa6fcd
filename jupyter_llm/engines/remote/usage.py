"""What a service says that a request has taken."""

from __future__ import annotations

import msgspec

from jupyter_llm.types import FinishReason, GenerationRequest, Usage

_CHARACTERS_PER_TOKEN = 4


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class UsageBody(msgspec.Struct):
    """OpenAI's usage, of which services leave out what they do not know."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None

    def to_usage(self) -> Usage:
        """The same as a value of ours."""
        prompt, completion = self.prompt_tokens_details, self.completion_tokens_details
        return Usage(
            prompt_tokens=self.prompt_tokens or 0,
            completion_tokens=self.completion_tokens or 0,
            cached_tokens=(prompt.cached_tokens if prompt else 0) or 0,
            reasoning_tokens=(completion.reasoning_tokens if completion else 0) or 0,
        )


def finish_reason_of(word: str) -> FinishReason:
    """A service's word for the end of an answer; what is none of ours is a stop."""
    if word == "function_call":
        return FinishReason.TOOL_CALLS
    return FinishReason(word) if word in set(FinishReason) else FinishReason.STOP


def estimated_usage(request: GenerationRequest, num_written: int) -> Usage:
    """What a request has taken about, where the service does not say.

    A chunk is a token, as a rule, and so are four characters of a prompt.
    """
    if request.relayed is not None:
        num_characters = len(request.relayed.body)
    elif request.messages is not None:
        num_characters = sum(len(message.content) for message in request.messages)
    else:
        num_characters = len(request.prompt or "")
    num_prompt = num_characters // _CHARACTERS_PER_TOKEN + len(request.prompt_tokens or ())
    return Usage(prompt_tokens=num_prompt, completion_tokens=num_written)
