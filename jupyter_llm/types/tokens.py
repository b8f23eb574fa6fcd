"""Text as the tokens of one model, and back."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_llm.types.generation import GenerationRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizeRequest:
    """The tokens that `generate` would read for this request are wanted.

    `adds_special` of False leaves out those that the model puts around every text.
    """

    request: GenerationRequest
    adds_special: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenList:
    """Tokens by id, and the bytes of each, control tokens spelled out.

    `context_length` is how many the model holds at once.
    """

    ids: tuple[int, ...]
    pieces: tuple[bytes, ...]
    context_length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DetokenizeRequest:
    """The text that tokens of a model stand for is wanted."""

    model_id: str
    tokens: tuple[int, ...]
    keep_alive_s: float | None = None
