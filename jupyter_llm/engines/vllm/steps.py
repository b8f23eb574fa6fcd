"""What is asked of vLLM and what comes of it, wherever vLLM runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jupyter_llm.engines.common.inputs import Vector

Scores = Mapping[int, float]
"""Log-probabilities by token: the one that was drawn, and the likeliest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What to draw, and how, in vLLM's words; `lark` is a grammar that the tokens have to follow.

    `num_top` asks for scores of the tokens drawn, `num_prompt_top` for those of the prompt's.
    """

    max_tokens: int
    options: Mapping[str, Any] = field(default_factory=dict)
    lark: str = ""
    num_top: int | None = None
    num_prompt_top: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What came of a request since the last time; `scores` is empty where none are wanted.

    `prompt_scores` are of all tokens of the prompt but the first, once.
    """

    tokens: Sequence[int]
    scores: Sequence[Scores] = ()
    prompt_scores: Sequence[Scores] = ()
    num_cached: int = 0


class Core(Protocol):
    """A model in vLLM's processes.

    It has `num_tokens` in its vocabulary, and vectors of `num_dimensions`; `can_sleep` says
    whether it was started so that it can leave its GPUs. Used on one event loop, but for `close`.
    """

    num_tokens: int
    num_dimensions: int
    can_sleep: bool

    @property
    def is_dead(self) -> bool:
        """Whether its processes are gone."""

    def draw(self, prompt: list[int], wanted: Wanted, name: str) -> AsyncGenerator[Drawn, None]:
        """The tokens that follow `prompt`; closing the generator takes the request back.

        `name` is of this request alone.

        Raises:
            InvalidRequestError: vLLM refuses a value.
            EngineDiedError: Its processes are gone.
        """

    async def vector(self, text: list[int], name: str) -> Vector:
        """The vector of a text.

        Raises:
            EngineDiedError: Its processes are gone.
        """

    async def sleep(self) -> None:
        """Move the weights from the GPUs to the RAM, and forget the KV cache.

        Raises:
            EngineDiedError: It did not.
        """

    async def wake(self) -> None:
        """Move them back, and have an empty KV cache. Raises what `sleep` raises."""

    def fail_all(self) -> None:
        """End every request with an error."""

    def close(self) -> None:
        """End its processes, on a thread that may wait; their memory is free then."""

    async def forget(self) -> None:
        """Let go of what is left of them here."""
