"""A response as it stands: what it repeats of its request, and what the model has made of it.

Imports `openai`: see `load_response_types`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from openai.types.responses import Response, ResponseUsage
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_error import ResponseError
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from jupyter_llm.handlers.wire.reply import extras_of
from jupyter_llm.types import FinishReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai.types.responses import ResponseOutputItem

    from jupyter_llm.types import SamplingParams, TokenChunk, Usage

    from .request import ResponsesBody


class Draft:
    """Makes the `response` object of one request at every stage of it.

    `is_stored` is what it says of itself; `created_at` is in seconds since the epoch.
    """

    def __init__(
        self, body: ResponsesBody, sampling: SamplingParams, *, response_id: str, created_at: int
    ) -> None:
        self.is_stored = False
        self.response_id = response_id
        self._completed_at = 0
        self._frame: dict[str, Any] = {
            "id": response_id,
            "object": "response",
            "created_at": created_at,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "max_tool_calls": body.max_tool_calls,
            "metadata": body.metadata or {},
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "previous_response_id": body.previous_response_id,
            "prompt_cache_key": body.prompt_cache_key,
            "reasoning": _reasoning(body),
            "safety_identifier": body.safety_identifier,
            "service_tier": "default",
            "temperature": sampling.temperature,
            "text": _text(body),
            "tool_choice": body.tool_choice or "auto",
            "tools": [_tool(raw) for raw in body.tools or ()],
            "top_logprobs": body.top_logprobs or 0,
            "top_p": sampling.top_p,
            "truncation": "disabled",
            "user": body.user,
        }

    def begun(self, model: str) -> Response:
        """Before its first item."""
        return self._response(model=model, status="in_progress", output=[], usage=None)

    def ended(self, model: str, output: Sequence[ResponseOutputItem], last: TokenChunk) -> Response:
        """Completed, or incomplete where the limit on its tokens has cut it off."""
        is_cut = last.finish_reason is FinishReason.LENGTH
        # the same however often it is made
        self._completed_at = self._completed_at or int(time.time())
        ends: dict[str, Any] = {"status": "completed", "completed_at": self._completed_at}
        if is_cut:
            details = IncompleteDetails(reason="max_output_tokens")
            ends = {"status": "incomplete", "incomplete_details": details}
        usage = usage_of(last.usage) if last.usage else None
        return self._response(
            model=model, output=list(output), usage=usage, **ends, **extras_of(last)
        )

    def failed(self, model: str, output: Sequence[ResponseOutputItem], message: str) -> Response:
        """Failed after its first event."""
        error = ResponseError(code="server_error", message=message)
        return self._response(
            model=model, status="failed", error=error, output=list(output), usage=None
        )

    def _response(self, **fields: Any) -> Response:
        return Response(**{**self._frame, "store": self.is_stored, **fields})


def usage_of(usage: Usage) -> ResponseUsage:
    """OpenAI's usage figures, in the words of this API."""
    return ResponseUsage(
        input_tokens=usage.prompt_tokens,
        input_tokens_details=InputTokensDetails(
            cached_tokens=usage.cached_tokens, cache_write_tokens=0
        ),
        output_tokens=usage.completion_tokens,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=usage.reasoning_tokens),
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _reasoning(body: ResponsesBody) -> dict[str, Any]:
    asked = body.reasoning
    return {"effort": asked.effort if asked else None, "summary": asked.summary if asked else None}


def _text(body: ResponsesBody) -> dict[str, Any]:
    form = body.text.format if body.text else None
    return {"format": msgspec.to_builtins(form) if form else {"type": "text"}}


def _tool(raw: msgspec.Raw) -> dict[str, Any]:
    tool: dict[str, Any] = msgspec.json.decode(raw)
    return {"parameters": None, **tool, "strict": bool(tool.get("strict"))}
