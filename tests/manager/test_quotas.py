from __future__ import annotations

import pytest

from jupyter_llm.errors import QuotaExceededError
from jupyter_llm.manager import quotas as module
from jupyter_llm.manager.quotas import Quota, Quotas, check_rate, check_tokens

NONE = Quota()


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module.time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_key_has_its_own_bounds_and_for_the_rest_those_of_everybody() -> None:
    own, common = Quota(tokens_per_day=5), Quota(requests_per_minute=3, tokens_per_day=9)
    assert own.or_else(common) == Quota(requests_per_minute=3, tokens_per_day=5)
    assert NONE.or_else(common) == common


def test_no_bound_refuses_nothing() -> None:
    check_rate(NONE, 10**9, 0.0)
    check_tokens(NONE, 10**9, 0.0)


def test_a_refusal_says_when_the_oldest_request_is_a_minute_old() -> None:
    check_rate(Quota(requests_per_minute=3), 2, 10.0)
    with pytest.raises(QuotaExceededError, match="3 requests in a minute") as refused:
        check_rate(Quota(requests_per_minute=3), 3, 10.0)
    assert refused.value.retry_after_s == 50.0


def test_a_refusal_says_when_the_day_ends() -> None:
    check_tokens(Quota(tokens_per_day=3), 2, 0.0)
    with pytest.raises(QuotaExceededError, match="have used 3") as refused:
        check_tokens(Quota(tokens_per_day=3), 3, 10 * 86_400.0 + 80_000.0)
    assert refused.value.retry_after_s == 6_400.0


def test_the_minute_slides(clock: Clock) -> None:
    quotas = Quotas(Quota(requests_per_minute=2))
    quotas.take_request("a", NONE)
    clock.now += 30
    quotas.take_request("a", NONE)
    clock.now += 29
    with pytest.raises(QuotaExceededError):
        quotas.take_request("a", NONE)
    quotas.take_request("b", NONE)
    clock.now += 1
    quotas.take_request("a", NONE)
    with pytest.raises(QuotaExceededError) as refused:
        quotas.take_request("a", NONE)
    assert refused.value.retry_after_s == 30.0


def test_tokens_are_forgotten_with_their_day(clock: Clock) -> None:
    quotas = Quotas(Quota(tokens_per_day=10))
    quotas.count("a", 7)
    quotas.take_request("a", NONE)
    quotas.count("a", 7)
    assert quotas.spent_today("a") == 14
    with pytest.raises(QuotaExceededError):
        quotas.take_request("a", NONE)
    quotas.take_request("a", Quota(tokens_per_day=20))
    clock.now += 86_400
    assert quotas.spent_today("a") == 0
    quotas.take_request("a", NONE)


def test_users_who_never_come_back_take_no_memory(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_USERS", 5)
    quotas = Quotas(Quota(requests_per_minute=1))
    for number in range(20):
        clock.now += 1
        quotas.take_request(f"user {number}", NONE)
    assert len(quotas._sent) == 5
    with pytest.raises(QuotaExceededError):
        quotas.take_request("user 19", NONE)
