"""What users and keys may have of this server: requests in a minute, tokens on a day."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from jupyter_llm.errors import QuotaExceededError

_MINUTE_S = 60.0
_DAY_S = 86_400.0
_MAX_USERS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """Bounds of one user or key; 0 sets none."""

    requests_per_minute: int = 0
    tokens_per_day: int = 0

    def or_else(self, other: Quota) -> Quota:
        """This, and where it sets no bound, the other's."""
        return Quota(
            requests_per_minute=self.requests_per_minute or other.requests_per_minute,
            tokens_per_day=self.tokens_per_day or other.tokens_per_day,
        )


def check_rate(quota: Quota, num_requests: int, oldest_s_ago: float) -> None:
    """Let one more request through, after `num_requests` within a minute.

    Raises:
        QuotaExceededError: There are as many as may be; the oldest was `oldest_s_ago`.
    """
    if not quota.requests_per_minute or num_requests < quota.requests_per_minute:
        return
    wait_s = max(_MINUTE_S - oldest_s_ago, 1.0)
    raise QuotaExceededError(
        f"You may send {quota.requests_per_minute} requests in a minute. "
        f"Try again in {wait_s:.0f} s.",
        retry_after_s=wait_s,
    )


def check_tokens(quota: Quota, num_tokens: int, at: float) -> None:
    """Let one more request through, after `num_tokens` on this day of UTC; `at` is now.

    Raises:
        QuotaExceededError: They are used up until midnight.
    """
    if not quota.tokens_per_day or num_tokens < quota.tokens_per_day:
        return
    wait_s = max(_DAY_S - at % _DAY_S, 1.0)
    raise QuotaExceededError(
        f"You may use {quota.tokens_per_day} tokens a day and have used {num_tokens}. "
        f"There are more at midnight UTC, in {wait_s / 3600:.1f} h.",
        retry_after_s=wait_s,
    )


class Quotas:
    """Counts what each user has had; belongs to one event loop.

    `common` holds for users and keys without a quota of their own. Counts are in memory:
    they begin anew with the server. What a request takes is known when it ends, so the
    last one of a day may exceed the bound.
    """

    def __init__(self, common: Quota) -> None:
        self._common = common
        self._sent: dict[str, deque[float]] = {}
        self._spent: dict[str, int] = {}
        self._day = 0

    def take_request(self, user: str, own: Quota) -> None:
        """Count a request.

        Raises:
            QuotaExceededError: It may not be sent; `retry_after_s` is when it may.
        """
        quota = own.or_else(self._common)
        now, at = time.monotonic(), time.time()
        self._turn_page(at)
        sent = self._sent.get(user, deque())
        while sent and now - sent[0] >= _MINUTE_S:
            sent.popleft()
        check_rate(quota, len(sent), now - sent[0] if sent else 0.0)
        check_tokens(quota, self._spent.get(user, 0), at)
        if quota.requests_per_minute:
            sent.append(now)
            self._remember(user, sent)

    def count(self, user: str, num_tokens: int) -> None:
        """Tokens were read and written for a user."""
        self._turn_page(time.time())
        self._spent[user] = self._spent.get(user, 0) + num_tokens

    def spent_today(self, user: str) -> int:
        """Tokens of a user on this day of UTC, since this server started."""
        self._turn_page(time.time())
        return self._spent.get(user, 0)

    def _turn_page(self, at: float) -> None:
        day = int(at // _DAY_S)
        if day != self._day:
            self._day = day
            self._spent.clear()

    def _remember(self, user: str, sent: deque[float]) -> None:
        self._sent[user] = sent
        if len(self._sent) > _MAX_USERS:
            oldest = min(self._sent, key=lambda one: self._sent[one][-1])
            del self._sent[oldest]
