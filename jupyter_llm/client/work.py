"""What models are asked to do, as requests: the same for both clients, whatever carries them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from jupyter_llm.errors import AnswerFormatError, InvalidRequestError
from jupyter_llm.types import Embeddings, Usage

from .answer_type import AnswerType, answer_type
from .chat_request import chat_body, without_none
from .reply import Reply, reply_from_body
from .stream import usage_of

if TYPE_CHECKING:
    from .chat_request import Messages

T_co = TypeVar("T_co", covariant=True)

CHAT_PATH = "v1/chat/completions"
_ONE = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Work(Generic[T_co]):
    """A request, and what to read its answer as.

    Unless `method` says otherwise it is a POST, and without a body a GET.
    """

    path: str
    body: dict[str, Any] | None
    read: Callable[[dict[str, Any]], T_co]
    method: str = ""

    @property
    def verb(self) -> str:
        """The method that it is sent with."""
        return self.method or ("GET" if self.body is None else "POST")


def completion(messages: Messages, **options: Any) -> Work[Reply]:
    """An answer in one piece; for the options see `chat_body`.

    Raises:
        InvalidRequestError: `param` names what is wrong.
    """
    if options.get("n", _ONE) not in {None, _ONE}:
        raise InvalidRequestError(
            "Here one answer comes at a time. llm.chat(…, n=3) gives a list of them.", param="n"
        )
    return chat_work(chat_body(messages, **options))


def chat_work(body: dict[str, Any]) -> Work[Reply]:
    """What a body of `chat_body` asks for, in one piece."""
    return Work(path=CHAT_PATH, body=body, read=reply_from_body)


def streamed(work: Work[Reply]) -> Work[Reply]:
    """The same work as a stream."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return replace(work, body={**(work.body or {}), **options})


def embedding(texts: Iterable[str], **options: Any) -> Work[Embeddings]:
    """The vectors of texts."""
    if isinstance(texts, str):
        texts = [texts]
    body = {"input": list(texts), "encoding_format": "base64", **without_none(options)}
    return Work(path="v1/embeddings", body=body, read=_embeddings)


def extraction(text: str, schema: Any, **options: Any) -> Work[Any]:
    """Data out of a text, as a value of the type `schema`."""
    wanted = None if schema is None else answer_type(schema)
    body = without_none({"text": text, "schema": wanted and wanted.schema, **options})
    return Work(path="v1/extract", body=body, read=lambda answer: _data(answer, wanted))


def default_model() -> Work[str]:
    """The model that answers where none is named; empty where there is none."""
    return Work(path="health", body=None, read=_default_model)


def identity(model: str) -> Work[str]:
    """A text that stays the same while the model's file, its engine and their versions do."""
    return Work(path=f"v1/models/{quote(model)}", body=None, read=_identity)


def value_of(reply: Reply, wanted: AnswerType) -> Any:
    """The value that a whole reply stands for.

    Raises:
        AnswerFormatError: It is not whole, or none of that type.
    """
    if reply.finish_reason == "length":
        raise _cut(wanted.name, reply.text)
    return wanted.read(reply.text)


def _data(answer: dict[str, Any], wanted: AnswerType | None) -> Any:
    if answer.get("finish_reason") == "length":
        raise _cut(wanted.name if wanted else "JSON object", answer["text"])
    return wanted.read(answer["text"]) if wanted else answer["data"]


def _default_model(body: dict[str, Any]) -> str:
    return body.get("default_model") or ""


def _identity(body: dict[str, Any]) -> str:
    parts = (body["id"], body.get("system_fingerprint"), body.get("modified_at"))
    return " ".join(str(part) for part in parts)


def _cut(name: str, text: str) -> AnswerFormatError:
    return AnswerFormatError(
        f"The answer ended after max_tokens, or with the model's context, before the {name} was "
        f"whole. Give it more room, or ask for less. The model wrote: {text[:200]!r}"
    )


def _embeddings(body: dict[str, Any]) -> Embeddings:
    in_order = sorted(body["data"], key=lambda item: int(item["index"]))
    return Embeddings(
        vectors=tuple(base64.b64decode(item["embedding"]) for item in in_order),
        usage=usage_of(body) or Usage(prompt_tokens=0, completion_tokens=0),
    )
