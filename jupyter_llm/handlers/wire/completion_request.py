"""The body of `POST /v1/completions`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import GenerationRequest

from .call import Call
from .decode import decode
from .fields import Count, TokenId, check_stream_options, refuse_unsupported
from .keep_alive import keep_alive_s
from .response_format import constraint_of
from .sampling import SamplingBody, SamplingDefaults, sampling_params

Prompt = str | list[str | TokenId | list[TokenId]]


class CompletionBody(SamplingBody, kw_only=True):
    """Every field of the request that is understood."""

    prompt: Prompt
    max_tokens: Count | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    # only in the value that asks for nothing
    best_of: Any = None
    suffix: Any = None


_DECODER = msgspec.json.Decoder(CompletionBody)

OFF_VALUES: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "suffix": (None, ""),
}


def completion_call(body: bytes, request_id: str, defaults: SamplingDefaults) -> Call:
    """The body as a request; `model_id` is the name as given, empty if none was.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    completion = decode(body, _DECODER)
    refuse_unsupported(completion, OFF_VALUES)
    if completion.echo and completion.logprobs is not None:
        raise InvalidRequestError(
            "'logprobs' is not supported together with 'echo'. Leave one of them out.",
            param="logprobs",
        )
    include_usage = check_stream_options(
        stream=completion.stream, options=completion.stream_options
    )
    text, tokens = _prompt(completion.prompt)
    return Call(
        request=GenerationRequest(
            id=request_id,
            model_id=completion.model or "",
            keep_alive_s=keep_alive_s(completion.keep_alive),
            prompt=text,
            prompt_tokens=tokens,
            constraint=constraint_of(completion),
            echo=bool(completion.echo),
            sampling=sampling_params(
                completion,
                defaults,
                max_tokens=completion.max_tokens,
                num_top_logprobs=completion.logprobs,
            ),
        ),
        stream=bool(completion.stream),
        include_usage=include_usage,
    )


def _prompt(prompt: Prompt) -> tuple[str | None, tuple[int, ...] | None]:
    """Text or token ids: a string, a list of ids, or a list of one such prompt."""
    if isinstance(prompt, str):
        return prompt, None
    if len(prompt) == 1 and isinstance(prompt[0], str):
        return prompt[0], None
    inner = prompt[0] if len(prompt) == 1 and isinstance(prompt[0], list) else prompt
    ids = tuple(item for item in inner if isinstance(item, int))
    if not inner:
        raise InvalidRequestError("'prompt' is empty; give text or token ids.", param="prompt")
    if not ids:
        raise InvalidRequestError(
            "'prompt' with several prompts is not supported. Send one request for each.",
            param="prompt",
        )
    if len(ids) < len(inner):
        raise InvalidRequestError("'prompt' mixes token ids and text.", param="prompt")
    return None, ids
