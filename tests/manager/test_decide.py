from __future__ import annotations

import pytest

from jupyter_llm.errors import (
    EngineDiedError,
    InsufficientMemoryError,
    InvalidRequestError,
    LLMError,
    ModelFileError,
    ModelLoadError,
    OverloadedError,
)
from jupyter_llm.manager.decide import (
    as_insufficient,
    check_options,
    check_place,
    next_restart,
    refusal,
    retry_after_s,
)
from jupyter_llm.manager.settings import RestartPolicy
from jupyter_llm.types import EngineStats, LoadOptions, MemoryUse, Model

POLICY = RestartPolicy(
    first_delay_s=0.5, factor=2.0, max_delay_s=3.0, max_restarts=5, healthy_after_s=60
)


def test_the_back_off_grows_to_its_limit_and_ends() -> None:
    delays = []
    number = 0
    while restart := next_restart(POLICY, number, served_s=0.1):
        delays.append(restart.delay_s)
        number = restart.number
    assert delays == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_an_engine_that_served_long_starts_a_new_row() -> None:
    restart = next_restart(POLICY, 5, served_s=61)
    assert restart is not None
    assert (restart.number, restart.delay_s) == (1, 0.5)


def test_a_first_load_that_fails_is_not_repeated_but_a_restart_that_fails_is() -> None:
    assert next_restart(POLICY, 0, served_s=None) is None
    restart = next_restart(POLICY, 1, served_s=None)
    assert restart is not None
    assert restart.number == 2


def test_retry_after_is_the_mean_time_between_completions_within_bounds() -> None:
    assert retry_after_s(elapsed_s=60, num_completed=20) == 3.0
    assert retry_after_s(elapsed_s=7, num_completed=0) == 7.0
    assert retry_after_s(elapsed_s=1, num_completed=50) == 1.0
    assert retry_after_s(elapsed_s=4000, num_completed=1) == 120.0


def test_the_last_place_is_given_and_no_more() -> None:
    check_place("m", num_inside=4, num_places=5, retry_s=3.0)
    with pytest.raises(OverloadedError, match=r"5 requests.*Try again in 3 s") as refused:
        check_place("m", num_inside=5, num_places=5, retry_s=3.0)
    assert refused.value.retry_after_s == 3.0


@pytest.mark.parametrize(
    ("wanted", "differs"),
    [
        (LoadOptions(), None),
        (LoadOptions(slots=4), None),
        (LoadOptions(context_length=512), None),
        (LoadOptions(slots=5), "slots"),
        (LoadOptions(kv_type="q8_0"), "kv_type"),
        (LoadOptions(batch_size=64), "batch_size"),
        (LoadOptions(draft_model=""), None),
        (LoadOptions(draft_model="small"), "draft_model"),
    ],
)
def test_a_wish_fits_what_was_asked_or_what_the_engine_chose(
    wanted: LoadOptions, differs: str | None
) -> None:
    loaded, stats = LoadOptions(slots=4), EngineStats(slots=4, context_length=512)
    if differs is None:
        check_options("m", wanted, loaded, stats)
        return
    with pytest.raises(InvalidRequestError) as refused:
        check_options("m", wanted, loaded, stats)
    assert refused.value.param == differs


def test_too_little_memory_is_told_with_both_numbers() -> None:
    model = Model(id="m", format="gguf", engine="e")
    need = MemoryUse(weights_bytes=6 << 30, kv_cache_bytes=3 << 30, compute_bytes=1 << 30)
    error = as_insufficient(model, need, free_bytes=9 << 30)
    assert "m needs 10.00 GiB" in error.message
    assert "9.00 GiB is free" in error.message


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ModelLoadError("It broke."), ModelLoadError),
        (EngineDiedError("It died."), ModelLoadError),
        (ModelFileError("Cut short."), ModelFileError),
        (InsufficientMemoryError("Too big."), type(None)),
        (OverloadedError("Busy."), type(None)),
    ],
)
def test_a_failed_load_is_remembered_unless_it_may_succeed_now(
    failure: LLMError, expected: type
) -> None:
    assert type(refusal(failure, 10.0, 30.0)) is expected


def test_a_request_learns_why_and_when_to_come_back_after_a_failed_load() -> None:
    told = refusal(ModelLoadError("It broke."), 10.0, 30.0)
    assert told is not None
    assert told.message.startswith("It broke. It is tried again in 20 s")
    assert told.retry_after_s == 20.0


def test_the_cool_down_ends() -> None:
    assert refusal(ModelLoadError("It broke."), 30.0, 30.0) is None
