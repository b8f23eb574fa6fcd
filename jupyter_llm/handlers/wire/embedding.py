"""The body of `POST /v1/embeddings`, and its answer."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import EmbeddingRequest

from .decode import decode
from .fields import Count, Priority, TokenId
from .keep_alive import KeepAlive, keep_alive_s

if TYPE_CHECKING:
    from jupyter_llm.types import Embeddings

MAX_INPUTS = 2048
"""OpenAI's bound on the number of texts in one request."""

EncodingFormat = Literal["float", "base64"]
Input = str | list[str | TokenId | list[TokenId]]
OneInput = str | tuple[int, ...]

_NUMBER_BYTES = 4


class EmbeddingBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Every field of the request that is understood."""

    input: Input
    model: str | None = None
    encoding_format: EncodingFormat | None = None
    dimensions: Count | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    user: Annotated[str, Meta(max_length=512)] | None = None


_DECODER = msgspec.json.Decoder(EmbeddingBody)


def embedding_call(body: bytes, request_id: str) -> tuple[EmbeddingRequest, EncodingFormat]:
    """The body as a request, and the form of its answer's vectors.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _DECODER)
    request = EmbeddingRequest(
        id=request_id,
        model_id=asked.model or "",
        inputs=_inputs(asked.input),
        dimensions=asked.dimensions,
        keep_alive_s=keep_alive_s(asked.keep_alive),
        priority=asked.priority or 0,
    )
    return request, asked.encoding_format or "float"


def embedding_body(embeddings: Embeddings, model: str, encoding_format: EncodingFormat) -> bytes:
    """OpenAI's list of embeddings, in the order of the inputs.

    As JSON at once: the numbers of many texts take their time, which a thread has.
    """
    encode = _base64 if encoding_format == "base64" else _floats
    num_tokens = embeddings.usage.prompt_tokens
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": encode(vector)}
                for index, vector in enumerate(embeddings.vectors)
            ],
            "model": model,
            "usage": {"prompt_tokens": num_tokens, "total_tokens": num_tokens},
        }
    )


def _inputs(given: Input) -> tuple[OneInput, ...]:
    """A text, the ids of one, or a list of either."""
    if isinstance(given, str):
        return (_text(given, "input"),)
    if given and all(isinstance(item, int) for item in given):
        return (tuple(item for item in given if isinstance(item, int)),)
    if not 0 < len(given) <= MAX_INPUTS:
        raise InvalidRequestError(
            f"'input' holds {len(given)} texts; give 1 to {MAX_INPUTS}.", param="input"
        )
    return tuple(_one(item, f"input[{number}]") for number, item in enumerate(given))


def _one(item: str | int | list[int], param: str) -> OneInput:
    if isinstance(item, int):
        raise InvalidRequestError("'input' mixes token ids and texts.", param=param)
    return _text(item, param) if isinstance(item, str) else tuple(item)


def _text(text: str, param: str) -> str:
    if not text:
        raise InvalidRequestError(f"'{param}' is empty; give a text.", param=param)
    return text


def _floats(vector: bytes) -> Any:
    return struct.unpack(f"<{len(vector) // _NUMBER_BYTES}f", vector)


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode("ascii")
