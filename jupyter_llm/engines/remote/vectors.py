"""Texts as vectors, from a service."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.engines.remote.usage import UsageBody
from jupyter_llm.errors import UpstreamError
from jupyter_llm.types import Embeddings

if TYPE_CHECKING:
    from jupyter_llm.types import EmbeddingRequest


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0


class _Body(msgspec.Struct):
    data: list[_Vector]
    usage: UsageBody | None = None


def embedding_body_of(request: EmbeddingRequest, name: str) -> bytes:
    """The body of `POST /embeddings`."""
    body: dict[str, Any] = {
        "model": name,
        "input": [text if isinstance(text, str) else list(text) for text in request.inputs],
        # a quarter of the size of numbers as text; who does not know it sends numbers
        "encoding_format": "base64",
    }
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return msgspec.json.encode(body)


def embeddings_of(body: bytes, num_inputs: int) -> Embeddings:
    """The vectors as the service gives them, in the order of the inputs.

    Raises:
        UpstreamError: They are not what OpenAI's API has.
    """
    try:
        answer = msgspec.json.decode(body, type=_Body)
        vectors = [_packed(one) for one in sorted(answer.data, key=lambda one: one.index)]
    except (msgspec.MsgspecError, binascii.Error, struct.error) as error:
        raise UpstreamError(f"The service sent no vectors: {error}.") from error
    if len(vectors) != num_inputs:
        raise UpstreamError(f"The service sent {len(vectors)} vectors for {num_inputs} texts.")
    usage = answer.usage or UsageBody()
    return Embeddings(vectors=tuple(vectors), usage=usage.to_usage())


def _packed(vector: _Vector) -> bytes:
    if isinstance(vector.embedding, str):
        return base64.b64decode(vector.embedding, validate=True)
    return struct.pack(f"<{len(vector.embedding)}f", *vector.embedding)
