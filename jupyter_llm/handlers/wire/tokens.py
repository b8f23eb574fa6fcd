"""`POST /v1/tokenize` and `/v1/detokenize`: bodies in the words of llama-server and of vLLM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import DetokenizeRequest, GenerationRequest, TokenizeRequest

from .chat_request import chat_call
from .decode import decode
from .fields import TokenId
from .keep_alive import KeepAlive, keep_alive_s
from .sampling import SamplingDefaults

if TYPE_CHECKING:
    from jupyter_llm.types import TokenList

_OF_CHAT = (
    "messages",
    "tools",
    "tool_choice",
    "reasoning_effort",
    "chat_template_kwargs",
)
_OF_TEXT = ("add_special", "add_special_tokens")
_TEXTS = ("text", "prompt", "content")


class TokenizeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Every field that is understood; exactly one of the texts and `messages` is given."""

    text: str | None = None
    prompt: str | None = None
    content: str | None = None
    messages: list[Any] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    model: str | None = None
    add_special: bool | None = None
    add_special_tokens: bool | None = None
    with_pieces: bool | None = None
    return_token_strs: bool | None = None
    keep_alive: KeepAlive | None = None


class DetokenizeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Every field that is understood."""

    tokens: list[TokenId]
    model: str | None = None
    keep_alive: KeepAlive | None = None


_TOKENIZE = msgspec.json.Decoder(TokenizeBody)
_DETOKENIZE = msgspec.json.Decoder(DetokenizeBody)


def tokenize_call(body: bytes) -> tuple[TokenizeBody, TokenizeRequest]:
    """The body, and what it asks of a model.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = tokenize_body(body)
    return asked, tokenize_request(asked)


def tokenize_body(body: bytes) -> TokenizeBody:
    """The body, checked.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _TOKENIZE)
    given = [name for name in (*_TEXTS, "messages") if getattr(asked, name) is not None]
    if len(given) != 1:
        what = f"gives {' and '.join(given)}" if given else "gives nothing to tokenize"
        raise InvalidRequestError(
            f"The body {what}; give one of 'text', 'prompt', 'content' and 'messages'.",
            param=given[-1] if given else "text",
        )
    _check_beside(asked)
    if asked.add_special is not None and asked.add_special_tokens is not None:
        raise InvalidRequestError(
            "'add_special' and 'add_special_tokens' mean the same; give one of them.",
            param="add_special_tokens",
        )
    return asked


def _check_beside(asked: TokenizeBody) -> None:
    """Refuse what would change nothing beside a text, or beside a conversation."""
    is_chat = asked.messages is not None
    for param in _OF_TEXT if is_chat else _OF_CHAT:
        # a template writes what is special, and vLLM's clients say that nothing is to be added
        if getattr(asked, param) not in ((None, False) if is_chat else (None,)):
            raise InvalidRequestError(
                f"'{param}' says nothing about {'messages' if is_chat else 'a text'}. Leave it "
                "out.",
                param=param,
            )


def tokenize_request(asked: TokenizeBody) -> TokenizeRequest:
    """What the body asks of a model.

    llama-server adds no special tokens to its `content` unless it is told to.

    Raises:
        InvalidRequestError: The conversation is wrong; `param` names the field.
    """
    keep_alive = keep_alive_s(asked.keep_alive)
    if asked.messages is not None:
        chat = {name: getattr(asked, name) for name in _OF_CHAT}
        given = {name: value for name, value in chat.items() if value is not None}
        request = chat_call(msgspec.json.encode(given), "", SamplingDefaults()).request
        return TokenizeRequest(
            request=replace(request, model_id=asked.model or "", keep_alive_s=keep_alive)
        )
    text = next(text for name in _TEXTS if (text := getattr(asked, name)) is not None)
    said = asked.add_special if asked.add_special is not None else asked.add_special_tokens
    return TokenizeRequest(
        request=GenerationRequest(
            id="", model_id=asked.model or "", prompt=text, keep_alive_s=keep_alive
        ),
        adds_special=asked.content is None if said is None else said,
    )


def tokens_body(tokens: TokenList, asked: TokenizeBody) -> dict[str, Any]:
    """Token ids, or with `with_pieces` objects of both; vLLM's fields beside them."""
    pieces = [_piece(piece) for piece in tokens.pieces]
    pairs = zip(tokens.ids, pieces, strict=True)
    body: dict[str, Any] = {
        "tokens": [{"id": token, "piece": piece} for token, piece in pairs]
        if asked.with_pieces
        else list(tokens.ids),
        "count": len(tokens.ids),
        "max_model_len": tokens.context_length,
    }
    if asked.return_token_strs:
        body["token_strs"] = [piece.decode("utf-8", "replace") for piece in tokens.pieces]
    return body


def detokenize_request(body: bytes) -> DetokenizeRequest:
    """What the body asks of a model.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _DETOKENIZE)
    return DetokenizeRequest(
        model_id=asked.model or "",
        tokens=tuple(asked.tokens),
        keep_alive_s=keep_alive_s(asked.keep_alive),
    )


def text_body(text: str) -> dict[str, str]:
    """The text under its own name, llama-server's and vLLM's."""
    return {"text": text, "content": text, "prompt": text}


def _piece(piece: bytes) -> str | list[int]:
    """As text, or as bytes where it is part of a character: llama-server's way."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)
