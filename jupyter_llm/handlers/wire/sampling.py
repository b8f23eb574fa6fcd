"""The sampling fields that chat and text completions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import SamplingParams

from .fields import (
    Bias,
    Count,
    Penalty,
    Priority,
    RepeatPenalty,
    Seed,
    Stop,
    StreamOptions,
    Temperature,
    TokenId,
    TopK,
    Unit,
    stop_strings,
)
from .keep_alive import KeepAlive
from .response_format import FormBody


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingDefaults:
    """What a request gets that does not say; 0 tokens means no bound of ours."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 0
    max_tokens_limit: int = 0


class SamplingBody(FormBody, forbid_unknown_fields=True, kw_only=True):
    """The fields of a request body that steer sampling, form and streaming."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    top_k: TopK | None = None
    min_p: Unit | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repeat_penalty: RepeatPenalty | None = None
    logit_bias: dict[TokenId, Bias] | None = None
    ignore_eos: bool | None = None
    n: Count | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    # accepted, for they change no answer of a server that serves its owner alone
    user: str | None = None


def sampling_params(
    body: SamplingBody,
    defaults: SamplingDefaults,
    *,
    max_tokens: int | None,
    num_top_logprobs: int | None,
) -> SamplingParams:
    """Sampling as asked for, and the operator's defaults for the rest."""
    return SamplingParams(
        temperature=_or(body.temperature, defaults.temperature),
        top_p=_or(body.top_p, defaults.top_p),
        top_k=max(_or(body.top_k, defaults.top_k), 0),
        min_p=body.min_p or 0.0,
        seed=body.seed,
        max_tokens=_max_tokens(max_tokens, defaults),
        stop=stop_strings(body.stop),
        presence_penalty=body.presence_penalty or 0.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        repeat_penalty=_or(body.repeat_penalty, 1.0),
        logit_bias=tuple((body.logit_bias or {}).items()),
        num_top_logprobs=num_top_logprobs,
        ignore_eos=bool(body.ignore_eos),
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _max_tokens(asked: int | None, defaults: SamplingDefaults) -> int | None:
    limit = defaults.max_tokens_limit
    if asked is not None and limit and asked > limit:
        raise InvalidRequestError(
            f"'max_tokens' is {asked}, and this server allows at most {limit}.",
            param="max_tokens",
        )
    bounds = [bound for bound in (defaults.max_tokens, limit) if bound]
    return asked if asked is not None else min(bounds, default=None)
