from __future__ import annotations

from contextlib import ExitStack

import pytest

from jupyter_llm.errors import OverloadedError
from jupyter_llm.manager import queue
from jupyter_llm.manager.queue import Places


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(queue.time, "monotonic", lambda: self.now)


def refused_s(places: Places) -> float:
    with pytest.raises(OverloadedError) as refused, places.enter(places.num_inside):
        pass
    assert refused.value.retry_after_s is not None
    return refused.value.retry_after_s


def test_retry_after_follows_the_measured_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    places = Places("m")
    with places.enter(9):
        for _ in range(10):
            with places.enter(9):
                clock.now += 4.0
        assert refused_s(places) == 4.0


def test_only_the_latest_completions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    places = Places("m")
    with places.enter(9):
        for pace_s in [50.0] * 10 + [2.0] * 64:
            with places.enter(9):
                clock.now += pace_s
        assert refused_s(places) == pytest.approx(2.0, abs=0.1)


def test_before_the_first_completion_the_time_waited_so_far_is_all_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    places = Places("m")
    with places.enter(1):
        clock.now += 30.0
        assert refused_s(places) == 30.0


def test_an_idle_hour_says_nothing_about_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    places = Places("m")
    with places.enter(1):
        clock.now += 1.0
    clock.now += 3600
    with places.enter(1):
        clock.now += 5.0
        assert refused_s(places) == 5.0


def test_a_request_that_fails_gives_its_place_back() -> None:
    places = Places("m")
    with pytest.raises(ValueError, match="odd"), places.enter(1):
        raise ValueError("odd")
    with ExitStack() as inside:
        inside.enter_context(places.enter(1))
        assert places.num_inside == 1
    assert places.num_inside == 0
