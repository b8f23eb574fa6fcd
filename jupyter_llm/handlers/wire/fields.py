"""Types and checks that several request bodies share."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError

Unit = Annotated[float, Meta(ge=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
RepeatPenalty = Annotated[float, Meta(gt=0, le=10)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
# no more than fits the integers that engines, and the way to their processes, are made of
_MAX_INT64, _MAX_INT32 = 2**63 - 1, 2**31 - 1
Count = Annotated[int, Meta(ge=1, le=_MAX_INT64)]
NumberOf = Annotated[int, Meta(ge=0, le=_MAX_INT64)]
TopK = Annotated[int, Meta(ge=-1, le=_MAX_INT32)]
Seed = Annotated[int, Meta(ge=-(2**63), le=_MAX_INT64)]
TokenId = Annotated[int, Meta(ge=0, le=_MAX_INT32)]
Whole = Annotated[int, Meta(ge=0, le=_MAX_INT32)]
# among the requests of one user, the higher first
Priority = Annotated[int, Meta(ge=-_MAX_INT32, le=_MAX_INT32)]
# JSON that is read later, by what it says it is
RawObject = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
NonEmpty = Annotated[str, Meta(min_length=1)]
# a part of a path
StreamId = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]+$")]
# OpenAI's bound on the number of stop strings
Stop = NonEmpty | Annotated[list[NonEmpty], Meta(max_length=4)]
# OpenAI's bounds on what a caller may note on a request
Metadata = Annotated[
    dict[
        Annotated[str, Meta(max_length=64)],
        Annotated[str, Meta(max_length=512)],
    ],
    Meta(max_length=16),
]


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """What a stream carries besides text; obfuscation is padding that we never add."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


def refuse_unsupported(body: object, off_values: dict[str, tuple[Any, ...]]) -> None:
    """Let each field of `off_values` through only in a value that means "off".

    Raises:
        InvalidRequestError: A field asks for something; `param` names it.
    """
    for name, off in off_values.items():
        if getattr(body, name) not in off:
            allowed = [f" or send {json.dumps(value)}" for value in off if value is not None]
            raise InvalidRequestError(
                f"'{name}' is not supported. Leave it out{''.join(allowed)}.", param=name
            )


def stop_strings(stop: str | list[str] | None) -> tuple[str, ...]:
    """The stop strings as a tuple, however they were given."""
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def check_stream_options(*, stream: bool | None, options: StreamOptions | None) -> bool:
    """Whether a stream is to end with a usage chunk.

    Raises:
        InvalidRequestError: Options for a stream although none is asked for.
    """
    if options is None:
        return False
    if not stream:
        raise InvalidRequestError(
            "'stream_options' is only allowed together with 'stream': true.",
            param="stream_options",
        )
    return bool(options.include_usage)
