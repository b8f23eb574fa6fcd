"""What a request for text asks for, whichever route it came by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.manager.choices import MAX_CHOICES, Choices

if TYPE_CHECKING:
    from jupyter_llm.types import GenerationRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request body, understood: what to generate and how to answer.

    `request` is the first prompt, `more` the further ones; `n` answers are wanted to each,
    the likeliest of `best_of`. With `resumable` the stream goes on without its client for a while;
    it is then found by `stream_id`.
    """

    request: GenerationRequest
    stream: bool
    include_usage: bool
    more: tuple[GenerationRequest, ...] = ()
    n: int = 1
    best_of: int = 1
    resumable: bool = False
    stream_id: str = ""

    @property
    def choices(self) -> Choices:
        """Everything that is to be generated."""
        return Choices(prompts=(self.request, *self.more), n=self.n, best_of=self.best_of)


def check_num_choices(*, num_prompts: int, n: int, best_of: int = 1) -> None:
    """See that one call asks for no more answers than it may.

    Raises:
        InvalidRequestError: It does; `param` names the field.
    """
    num_answers = num_prompts * max(n, best_of)
    for param, wanted in (("n", n), ("best_of", best_of), ("prompt", num_answers)):
        if wanted > MAX_CHOICES:
            raise InvalidRequestError(
                f"'{param}' asks for {wanted} answers, and one request may have {MAX_CHOICES} "
                "in all. Send several requests.",
                param=param,
            )


def is_resumable(*, stream: bool | None, resumable: bool | None) -> bool:
    """Whether a stream is to go on when its client leaves.

    Raises:
        InvalidRequestError: There is no stream to go on with.
    """
    if resumable and not stream:
        raise InvalidRequestError(
            "'resumable' is only allowed together with 'stream': true.", param="resumable"
        )
    return bool(resumable)


def stream_name(given: str | None, answer_id: str, *, resumable: bool | None) -> str:
    """The id that a stream is resumed by: the client's own, or else that of the answer.

    A client that chooses it can stop or follow an answer whose first event has not come yet.

    Raises:
        InvalidRequestError: The stream has a name, but is not resumable.
    """
    if given is not None and not resumable:
        raise InvalidRequestError(
            "'stream_id' is only allowed together with 'resumable': true.", param="stream_id"
        )
    return given or answer_id
