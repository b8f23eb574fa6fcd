"""The body of `POST /v1/completions`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import GenerationRequest

from .call import Call, check_num_choices, is_resumable, stream_name
from .decode import decode
from .fields import Count, NumberOf, StreamId, TokenId, check_stream_options
from .keep_alive import keep_alive_s
from .response_format import constraint_of
from .sampling import SamplingBody, SamplingDefaults, sampling_params

Prompt = str | list[str | TokenId | list[TokenId]]
OnePrompt = str | tuple[int, ...]


class CompletionBody(SamplingBody, kw_only=True):
    """Every field of the request that is understood."""

    prompt: Prompt
    max_tokens: NumberOf | None = None
    echo: bool | None = None
    resumable: bool | None = None
    stream_id: StreamId | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    best_of: Count | None = None
    suffix: str | None = None


_DECODER = msgspec.json.Decoder(CompletionBody)


def completion_call(body: bytes, request_id: str, defaults: SamplingDefaults) -> Call:
    """The body as a request; `model_id` is the name as given, empty if none was.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    completion = decode(body, _DECODER)
    include_usage = check_stream_options(
        stream=completion.stream, options=completion.stream_options
    )
    n, best_of = completion.n or 1, completion.best_of or 1
    _check_combinations(completion, n, best_of)
    prompts = _prompts(completion.prompt)
    check_num_choices(num_prompts=len(prompts), n=n, best_of=best_of)
    request, *more = (_request(completion, prompt, request_id, defaults) for prompt in prompts)
    return Call(
        request=request,
        more=tuple(more),
        n=n,
        best_of=best_of,
        stream=bool(completion.stream),
        include_usage=include_usage,
        resumable=is_resumable(stream=completion.stream, resumable=completion.resumable),
        stream_id=stream_name(completion.stream_id, request_id, resumable=completion.resumable),
    )


def _request(
    completion: CompletionBody, prompt: OnePrompt, request_id: str, defaults: SamplingDefaults
) -> GenerationRequest:
    return GenerationRequest(
        id=request_id,
        model_id=completion.model or "",
        keep_alive_s=keep_alive_s(completion.keep_alive),
        priority=completion.priority or 0,
        stream_id=completion.stream_id or "",
        prompt=prompt if isinstance(prompt, str) else None,
        prompt_tokens=None if isinstance(prompt, str) else prompt,
        suffix=completion.suffix or None,
        constraint=constraint_of(completion),
        echo=bool(completion.echo),
        sampling=sampling_params(
            completion,
            defaults,
            max_tokens=completion.max_tokens,
            num_top_logprobs=completion.logprobs,
        ),
    )


def _check_combinations(completion: CompletionBody, n: int, best_of: int) -> None:
    """Refuse what contradicts itself, each by the name of the field to change."""
    if completion.max_tokens == 0 and not completion.echo:
        raise _refusal("max_tokens", "'max_tokens' of 0 leaves nothing to answer without 'echo'")
    if completion.best_of is not None and best_of < n:
        raise _refusal("best_of", f"'best_of' is {best_of}, and 'n' asks for {n} of them")
    if completion.stream and best_of > n:
        raise _refusal("best_of", "'best_of' chooses when all answers are there: no stream")
    if completion.suffix and completion.echo:
        raise _refusal("echo", "'echo' repeats a prompt, which a 'suffix' does not end")


def _refusal(param: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(f"{what}. Leave one of them out.", param=param)


def _prompts(prompt: Prompt) -> list[OnePrompt]:
    """Text, token ids, or a list of either, as prompts of one kind each."""
    if isinstance(prompt, str):
        return [prompt]
    if prompt and all(isinstance(item, int) for item in prompt):
        prompt = [[item for item in prompt if isinstance(item, int)]]
    found = [_one_prompt(item, number) for number, item in enumerate(prompt)]
    if not found:
        raise InvalidRequestError("'prompt' is empty; give text or token ids.", param="prompt")
    return found


def _one_prompt(item: str | int | list[int], number: int) -> OnePrompt:
    if isinstance(item, str):
        return item
    if isinstance(item, int):
        raise InvalidRequestError("'prompt' mixes token ids and prompts.", param="prompt")
    if not item:
        raise InvalidRequestError(
            f"'prompt[{number}]' has no tokens; give at least one.", param="prompt"
        )
    return tuple(item)
