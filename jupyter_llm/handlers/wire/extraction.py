"""`POST /v1/extract`: data out of a text, as JSON that validates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.types import Constraint, ConstraintKind, FinishReason, GenerationRequest, Message

from .call import Call
from .decode import decode
from .fields import Count, NonEmpty, Priority, Seed, Temperature, TopK, Unit
from .keep_alive import KeepAlive, keep_alive_s
from .plain import usage_body
from .reply import Reply, extras_of
from .sampling import SamplingBody, SamplingDefaults, sampling_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenChunk

_TASK = "Extract the data from the text below. Answer with JSON and nothing else."
_FORM = "The JSON follows this JSON Schema:"


class ExtractBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Every field of the request that is understood."""

    text: NonEmpty
    schema: dict[str, Any] | bool | None = None
    model: str | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    top_k: TopK | None = None
    seed: Seed | None = None
    max_tokens: Count | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    user: str | None = None


_DECODER = msgspec.json.Decoder(ExtractBody)


def extract_call(body: bytes, request_id: str, defaults: SamplingDefaults) -> Call:
    """The body as a request for JSON, by default in the likeliest tokens.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _DECODER)
    schema = "" if asked.schema is None else msgspec.json.encode(asked.schema).decode()
    chosen = SamplingBody(
        temperature=asked.temperature or 0.0,
        top_p=asked.top_p,
        top_k=asked.top_k,
        seed=asked.seed,
    )
    request = GenerationRequest(
        id=request_id,
        model_id=asked.model or "",
        keep_alive_s=keep_alive_s(asked.keep_alive),
        priority=asked.priority or 0,
        constraint=_constraint(schema),
        messages=(Message(role="user", content=_prompt(asked.text, schema)),),
        sampling=sampling_params(
            chosen, defaults, max_tokens=asked.max_tokens, num_top_logprobs=None
        ),
    )
    return Call(request=request, stream=False, include_usage=True)


class ExtractReply(Reply):
    """The data, and the text that it was read from: alike, unless `max_tokens` cut it."""

    def __init__(self, *, request_id: str, model: str, created: int, **_frame: Any) -> None:
        self._frame: dict[str, Any] = {
            "id": request_id,
            "object": "extraction",
            "created": created,
            "model": model,
        }

    def events(self, chunk: TokenChunk) -> bytes:
        """None: half of a JSON text is of no use."""
        del chunk
        return b""

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The complete answer; `data` is null where the JSON is not whole."""
        last, text = chunks[-1], "".join(chunk.text for chunk in chunks)
        return msgspec.json.encode(
            {
                **self._frame,
                "data": _data(text),
                "text": text,
                "finish_reason": (last.finish_reason or FinishReason.STOP).value,
                "usage": usage_body(last.usage) if last.usage else None,
                **extras_of(last),
            }
        )


def _constraint(schema: str) -> Constraint:
    if not schema:
        return Constraint(kind=ConstraintKind.JSON_OBJECT, param="text")
    return Constraint(kind=ConstraintKind.JSON_SCHEMA, text=schema, param="schema")


def _prompt(text: str, schema: str) -> str:
    form = f"{_FORM}\n{schema}" if schema else ""
    return "\n\n".join(part for part in (_TASK, form, text) if part)


def _data(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
