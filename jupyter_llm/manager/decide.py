"""The manager's decisions, as functions of what is known; nothing here acts."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.errors import (
    EngineDiedError,
    InsufficientMemoryError,
    InvalidRequestError,
    LLMError,
    ModelLoadError,
    OverloadedError,
    TooManyRequestsError,
)
from jupyter_llm.manager.bounded import OverdueError
from jupyter_llm.types import Fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.manager.settings import RestartPolicy
    from jupyter_llm.types import EngineStats, LoadOptions, MemoryUse, Model, Suggestion

_GENERAL_ADVICE = (
    "Unload another model, or load this one with a shorter context_length, fewer slots, "
    "or in a smaller quantization."
)
_MIN_RETRY_S = 1.0
_MAX_RETRY_S = 120.0

_RESERVED_PART = 3
_MAX_RESERVED = 4

_COMFORT = 1.2
"""With a fifth to spare, what else runs on the machine may grow without a word."""


class Restart(NamedTuple):
    """The next try to bring a model back: after `delay_s`, the `number`-th in a row."""

    number: int
    delay_s: float


def next_restart(policy: RestartPolicy, number: int, served_s: float | None) -> Restart | None:
    """What follows a failure after `number` restarts in a row; `None` gives the model up.

    `served_s` is for how long the engine was ready, `None` where it never was.

    1. A model whose first load fails is not brought back: whoever loads it has the reason.
    2. An engine that served for `healthy_after_s` starts a new row.
    3. A row ends after `max_restarts`.
    """
    if served_s is None and number == 0:
        return None
    following = 1 if (served_s or 0.0) >= policy.healthy_after_s else number + 1
    if following > policy.max_restarts:
        return None
    delay_s = policy.first_delay_s * policy.factor ** (following - 1)
    return Restart(number=following, delay_s=min(delay_s, policy.max_delay_s))


def retry_after_s(elapsed_s: float, num_completed: int) -> float:
    """When the next place is expected, from the requests that `elapsed_s` has completed.

    The mean time between completions; while none is known, the time waited so far.
    """
    return min(max(elapsed_s / max(num_completed, 1), _MIN_RETRY_S), _MAX_RETRY_S)


def check_place(model_id: str, num_inside: int, num_places: int, retry_s: float) -> None:
    """Let one more request into an instance.

    Raises:
        OverloadedError: All `num_places` are taken.
    """
    if num_inside < num_places:
        return
    raise OverloadedError(
        f"{num_inside} requests already run or wait at {model_id}, which is all it takes. "
        f"Try again in {retry_s:.0f} s.",
        retry_after_s=retry_s,
    )


def check_line(model_id: str, num_waiting: int, max_waiting: int, retry_s: float) -> None:
    """Let one more request of a user wait.

    Raises:
        TooManyRequestsError: `max_waiting` of theirs wait already.
    """
    if num_waiting < max_waiting:
        return
    raise TooManyRequestsError(
        f"{num_waiting} of your requests wait at {model_id} already, which is all that one user "
        f"may have there. Try again in {retry_s:.0f} s.",
        retry_after_s=retry_s,
    )


def reserve_of(num_slots: int) -> int:
    """Slots that one user alone does not get: a third, four at most.

    A short request of somebody else would wait for the end of a long answer otherwise. One
    slot or two are needed by whoever is there.
    """
    return min(num_slots // _RESERVED_PART, _MAX_RESERVED)


def may_run(num_running: int, num_free: int, num_slots: int, num_users: int) -> bool:
    """Whether a user who has `num_running` turns may have another beside `num_users` in all.

    1. Who has none may take any slot that is free.
    2. Who has less than an equal part may, among several, take any but the last: there may
       come somebody who has none.
    3. Who has more leaves the reserve free.
    """
    if not num_running:
        return num_free > 0
    reserve = reserve_of(num_slots)
    if num_users > 1 and num_running < num_slots / num_users:
        return num_free > min(reserve, 1)
    return num_free > reserve


_USUAL = {
    "num_gpu_layers": -1,
    "kv_type": "f16",
    "adapters": (),
    "speculation": "none",
    "draft_model": "",
    "split_mode": "layer",
    "tensor_split": (),
}
"""What engines choose where nobody does, as far as their figures do not tell."""


def check_options(
    model_id: str, wanted: LoadOptions, loaded: LoadOptions, stats: EngineStats
) -> None:
    """Accept a load of a model that is loaded already; a wish of `None` fits anything.

    Raises:
        InvalidRequestError: It was loaded otherwise; `param` names the first difference.
    """
    for name in (field.name for field in fields(wanted)):
        wish, has = getattr(wanted, name), getattr(loaded, name)
        has = _USUAL.get(name) if has is None else has
        if wish is None or wish in (has, getattr(stats, name, has)):
            continue
        chosen = "the engine's choice" if has is None else has
        raise InvalidRequestError(
            f"{model_id} is loaded with {name} = {chosen}, not {wish}. Unload it first.",
            param=name,
        )


def as_insufficient(
    model: Model, need: MemoryUse, free_bytes: int, suggestions: Sequence[Suggestion] = ()
) -> InsufficientMemoryError:
    """What a model is told that does not fit, with both numbers and what would fit."""
    ways = [_way(one, model) for one in suggestions]
    advice = f"It fits {', or '.join(ways)}." if ways else _GENERAL_ADVICE
    error = InsufficientMemoryError(
        f"{model.id} needs {gibibytes(need.total_bytes)} "
        f"(weights {gibibytes(need.weights_bytes)}, KV cache {gibibytes(need.kv_cache_bytes)}, "
        f"compute {gibibytes(need.compute_bytes)}) and {gibibytes(max(free_bytes, 0))} is free. "
        f"{advice}"
    )
    error.need_bytes = need.total_bytes
    error.free_bytes = max(free_bytes, 0)
    error.suggestions = tuple(suggestions)
    return error


def _way(one: Suggestion, model: Model) -> str:
    """A suggestion in words that continue "It fits …"."""
    if one.unload:
        return f"once {' and '.join(one.unload)} is unloaded"
    options = ", ".join(f"{name}={value}" for name, value in one.options.items())
    how = f"as {one.model}" if one.model != model.id else f"with {options}"
    return f"{how} ({gibibytes(one.need_bytes)})"


def fit_of(need_bytes: int, memory_bytes: int) -> Fit:
    """Whether a model of this need runs in so much memory, if all others leave it."""
    if need_bytes * _COMFORT <= memory_bytes:
        return Fit.FITS
    return Fit.TIGHT if need_bytes <= memory_bytes else Fit.WILL_NOT_FIT


def refusal(failure: LLMError, failed_s_ago: float, cooldown_s: float) -> LLMError | None:
    """What a request is told whose model has just failed to load; `None` lets it try.

    1. A model that did not fit may fit now: looking again costs little.
    2. A damaged file or a wrong option stays what it is: the same error again.
    3. Anything else is not tried again before `cooldown_s` are over.
    """
    remaining_s = cooldown_s - failed_s_ago
    if remaining_s <= 0 or isinstance(failure, InsufficientMemoryError | OverloadedError):
        return None
    if not isinstance(failure, ModelLoadError | EngineDiedError):
        return failure
    return ModelLoadError(
        f"{failure.message} It is tried again in {remaining_s:.0f} s, or as soon as somebody "
        "loads it.",
        retry_after_s=remaining_s,
    )


def as_load_error(model_id: str, error: Exception) -> ModelLoadError:
    """What a load that failed in an unforeseen way is called."""
    if isinstance(error, OverdueError):
        return ModelLoadError(
            f"{model_id} was not loaded within {error.timeout_s:.0f} s. Raise load_timeout_s, "
            "or choose a smaller model."
        )
    return ModelLoadError(f"Loading {model_id} failed: {error}")


def gibibytes(num_bytes: int) -> str:
    """A size for people."""
    return f"{num_bytes / 2**30:.2f} GiB"
