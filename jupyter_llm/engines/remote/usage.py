"""What a service says that a request has taken."""

from __future__ import annotations

import msgspec

from jupyter_llm.types import FinishReason, Usage


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
