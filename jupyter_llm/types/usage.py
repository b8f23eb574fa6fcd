"""What requests took: one by one, and hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_llm.types.generation import FinishReason

_GOOD_ENDS = frozenset({*FinishReason, "cancelled"})


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRequest:
    """A request to a model that has ended `at` (seconds since the epoch).

    `user` is empty for whoever has the server's token alone. `outcome` is a finish reason,
    `cancelled` or the code of an error. `duration_s` counts from its arrival, as
    `first_token_s` does; that is `None` where no text came. The tokens of one that was cut
    off are not known, and 0.
    """

    at: float
    model_id: str
    user: str = ""
    outcome: str = ""
    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0
    first_token_s: float | None = None
    duration_s: float = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether an error ended it."""
        return self.outcome not in _GOOD_ENDS


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageSums:
    """What some requests took together; times are sums, in seconds.

    `first_token_s` is of the `num_first_tokens` requests that text came of.
    """

    num_requests: int = 0
    num_failed: int = 0
    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0
    num_first_tokens: int = 0
    first_token_s: float = 0.0
    duration_s: float = 0.0

    def __add__(self, other: UsageSums) -> UsageSums:
        return UsageSums(
            num_requests=self.num_requests + other.num_requests,
            num_failed=self.num_failed + other.num_failed,
            num_prompt_tokens=self.num_prompt_tokens + other.num_prompt_tokens,
            num_completion_tokens=self.num_completion_tokens + other.num_completion_tokens,
            num_first_tokens=self.num_first_tokens + other.num_first_tokens,
            first_token_s=self.first_token_s + other.first_token_s,
            duration_s=self.duration_s + other.duration_s,
        )


def sums_of(request: FinishedRequest) -> UsageSums:
    """One request, as what several took."""
    return UsageSums(
        num_requests=1,
        num_failed=int(request.has_failed),
        num_prompt_tokens=request.num_prompt_tokens,
        num_completion_tokens=request.num_completion_tokens,
        num_first_tokens=int(request.first_token_s is not None),
        first_token_s=request.first_token_s or 0.0,
        duration_s=request.duration_s,
    )
