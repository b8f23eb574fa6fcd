from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jupyter_llm.errors import TooManyRequestsError
from jupyter_llm.manager.decide import check_line, may_run, reserve_of
from jupyter_llm.manager.queue import FairQueue, Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping

USERS = st.sampled_from("abcdef")


def ticket(user: str, priority: int = 0, num_prompt: int = 0) -> Ticket:
    return Ticket(user=user, priority=priority, num_prompt=num_prompt)


def users_served(queue: FairQueue, num_slots: int, num_turns: int) -> str:
    """Whose requests have their turns, when each ends before the next and costs one token."""
    order = ""
    for _ in range(num_turns):
        served = queue.pop(num_slots)
        assert served is not None
        order += served.user
        queue.charge(served.user, num_completion=1)
        queue.leave(served)
    return order


class TestTheDecisions:
    @pytest.mark.parametrize(
        ("num_slots", "reserve"), [(1, 0), (2, 0), (3, 1), (8, 2), (12, 4), (16, 4), (128, 4)]
    )
    def test_a_third_of_the_slots_is_kept_where_there_are_some(
        self, num_slots: int, reserve: int
    ) -> None:
        assert reserve_of(num_slots) == reserve

    @pytest.mark.parametrize(
        ("num_running", "num_users", "needs_free"),
        [(0, 1, 1), (0, 5, 1), (1, 1, 5), (8, 1, 5), (1, 2, 2), (5, 2, 2), (6, 2, 5), (4, 3, 5)],
    )
    def test_who_has_few_turns_takes_what_is_free_and_who_has_many_leaves_the_reserve(
        self, num_running: int, num_users: int, needs_free: int
    ) -> None:
        for num_free in range(12):
            allowed = may_run(num_running, num_free, num_slots=12, num_users=num_users)
            assert allowed == (num_free >= needs_free)

    def test_without_a_reserve_every_slot_is_used(self) -> None:
        assert may_run(1, num_free=1, num_slots=2, num_users=1)
        assert may_run(1, num_free=1, num_slots=2, num_users=3)

    def test_a_user_has_so_many_places_in_the_line(self) -> None:
        check_line("m", num_waiting=3, max_waiting=4, retry_s=2.0)
        with pytest.raises(TooManyRequestsError, match="4 of your requests") as refused:
            check_line("m", num_waiting=4, max_waiting=4, retry_s=2.0)
        assert refused.value.retry_after_s == 2.0


class TestTheOrder:
    def test_users_take_turns_whoever_came_first(self) -> None:
        queue = FairQueue()
        for user in "aaabbbcc":
            queue.push(ticket(user))
        assert users_served(queue, 1, 8) == "abcabcab"

    def test_a_user_who_was_served_more_waits_longer(self) -> None:
        queue = FairQueue()
        for user in "aaabbb":
            queue.push(ticket(user))
        queue.charge("a", num_completion=2)
        assert users_served(queue, 1, 6) == "bbabaa"

    def test_one_users_urgent_requests_go_first_and_nobody_elses_wait_for_them(self) -> None:
        queue = FairQueue()
        for number, priority in enumerate([0, 5, 0, 9]):
            queue.push(Ticket(user="a", priority=priority, request_id=f"a{number}"))
        queue.push(Ticket(user="b", request_id="b"))
        order = []
        while served := queue.pop(1):
            order.append(served.request_id)
            queue.charge(served.user, num_completion=1)
            queue.leave(served)
        assert order == ["a3", "b", "a1", "a0", "a2"]

    def test_a_long_prompt_is_paid_for_when_its_turn_comes(self) -> None:
        queue = FairQueue()
        for user in "aabb":
            queue.push(ticket(user, num_prompt=1000 if user == "a" else 10))
        assert [one.user for one in iter(lambda: queue.pop(4), None)] == ["a", "b", "b"]

    def test_tokens_that_were_not_computed_after_all_are_given_back(self) -> None:
        queue = FairQueue()
        for user in "aabb":
            queue.push(ticket(user, num_prompt=100))
        assert users_served(queue, 1, 2) == "ab"
        queue.charge("b", num_prompt=-90)
        assert users_served(queue, 1, 2) == "ba"

    def test_to_have_been_away_is_no_credit(self) -> None:
        queue = FairQueue()
        for user in "aaaa":
            queue.push(ticket(user))
        assert users_served(queue, 1, 2) == "aa"
        queue.charge("a", num_completion=1000)
        for user in "bbbb":
            queue.push(ticket(user))
        assert users_served(queue, 1, 4) == "abab"

    def test_nobody_owes_anything_for_a_time_when_nobody_waited(self) -> None:
        queue = FairQueue()
        queue.push(ticket("a"))
        assert users_served(queue, 1, 1) == "a"
        queue.charge("a", num_completion=10_000)
        for user in "bbaa":
            queue.push(ticket(user))
        assert users_served(queue, 1, 4).count("a") == 2
        assert len(queue.counters._served) <= 2

    def test_positions_are_those_of_users_that_take_turns(self) -> None:
        queue = FairQueue()
        for number, user in enumerate("aaab"):
            queue.push(Ticket(user=user, request_id=f"{user}{number}"))
        assert [one.request_id for one in queue.waiting()] == ["a0", "b3", "a1", "a2"]


class TestWhenOneUserWantsEverything:
    def test_another_finds_a_slot_at_once(self) -> None:
        queue = FairQueue()
        for _ in range(64):
            queue.push(ticket("heavy"))
        held = list(iter(lambda: queue.pop(12), None))
        assert len(held) == 8

        for _ in range(100):
            queue.push(ticket("light"))
            queue.push(ticket("light"))
            served = list(iter(lambda: queue.pop(12), None))
            assert [one.user for one in served] == ["light", "light"]
            for one in served:
                queue.leave(one)
        assert queue.pop(12) is None

    def test_two_who_want_everything_share_and_leave_room_for_a_third(self) -> None:
        queue = FairQueue()
        for user in "a" * 64 + "b" * 64:
            queue.push(ticket(user))
        held = list(iter(lambda: queue.pop(12), None))
        for _ in range(40):
            queue.leave(held.pop(0))
            held += iter(lambda: queue.pop(12), None)
            queue.charge(held[-1].user, num_completion=100)
        counts = Counter(one.user for one in held)
        assert abs(counts["a"] - counts["b"]) <= 1
        assert counts.total() == 11
        queue.push(ticket("c"))
        third = queue.pop(12)
        assert third is not None
        assert third.user == "c"


def jain(values: list[float]) -> float:
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))


def serve(
    demands: Mapping[str, list[tuple[int, int]]], *, num_slots: int, num_steps: int
) -> dict[str, int]:
    """Tokens that each user is written; a step writes one to each request that has a turn.

    `demands` are prompts and answers, in tokens; who has no more leaves.
    """
    queue, written = FairQueue(), dict.fromkeys(demands, 0)
    remaining: dict[Ticket, int] = {}
    lengths: dict[Ticket, int] = {}
    for user, wanted in demands.items():
        for num_prompt, length in wanted:
            one = ticket(user, num_prompt=num_prompt)
            lengths[one] = length
            queue.push(one)
    for _ in range(num_steps):
        while (one := queue.pop(num_slots)) is not None:
            remaining[one] = lengths[one]
        for one in list(remaining):
            remaining[one] -= 1
            written[one.user] += 1
            queue.charge(one.user, num_completion=1)
            if not remaining[one]:
                del remaining[one]
                queue.leave(one)
    return written


class TestFairness:
    @given(
        lengths=st.lists(st.integers(1, 60), min_size=4, max_size=4), num_slots=st.integers(1, 16)
    )
    @settings(max_examples=25, deadline=None)
    def test_four_equal_users_get_equal_tokens_whatever_the_length_of_their_answers(
        self, lengths: list[int], num_slots: int
    ) -> None:
        num_steps = 1500
        demands = {
            user: [(0, length)] * (num_slots * num_steps // length + 1)
            for user, length in zip("abcd", lengths, strict=True)
        }
        written = serve(demands, num_slots=num_slots, num_steps=num_steps)
        assert jain(list(map(float, written.values()))) >= 0.98

    @given(seed=st.integers(0, 1 << 30))
    @settings(max_examples=10, deadline=None)
    def test_four_users_alike_have_a_jain_index_of_98_percent(self, seed: int) -> None:
        rng = random.Random(seed)
        wanted = {
            user: [(rng.randint(5, 50), rng.randint(10, 100)) for _ in range(100)]
            for user in "abcd"
        }
        written = serve(wanted, num_slots=10, num_steps=1000)
        assert jain(list(map(float, written.values()))) >= 0.98


@pytest.mark.parametrize("num_users", [1, 100, 10_000])
def test_a_decision_with_ten_thousand_waiting_takes_less_than_a_millisecond(
    num_users: int,
) -> None:
    queue = FairQueue()
    for number in range(10_000):
        queue.push(ticket(f"user {number % num_users}"))
    running = list(iter(lambda: queue.pop(10), None))
    durations = []
    for number in range(200):
        for one in running:
            queue.charge(one.user, num_completion=1 + number % 3)
        began_at = time.perf_counter()
        queue.leave(running.pop(0))
        running += iter(lambda: queue.pop(10), None)
        queue.push(ticket("somebody"))
        durations.append(time.perf_counter() - began_at)
    assert sorted(durations)[100] < 0.001


class Requests(RuleBasedStateMachine):
    """Requests that come, run, end and give up in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue()
        self.num_slots = 4
        self.waiting: list[Ticket] = []
        self.running: list[Ticket] = []
        self.counts: dict[str, int] = defaultdict(int)

    @rule(user=USERS, priority=st.integers(-2, 2), num_prompt=st.integers(0, 50))
    def come(self, user: str, priority: int, num_prompt: int) -> None:
        self.waiting.append(ticket(user, priority, num_prompt))
        self.queue.push(self.waiting[-1])

    @rule()
    def take_turns(self) -> None:
        while served := self.queue.pop(self.num_slots):
            self.waiting.remove(served)
            self.running.append(served)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), num_tokens=st.integers(0, 100), correction=st.integers(-50, 50))
    def end(self, data: st.DataObject, num_tokens: int, correction: int) -> None:
        ended = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self.queue.charge(
            ended.user, num_prompt=max(correction, -ended.num_prompt), num_completion=num_tokens
        )
        self.queue.leave(ended)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        self.queue.leave(self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))))

    @rule(num_slots=st.integers(0, 12))
    def load_with(self, num_slots: int) -> None:
        self.num_slots = num_slots

    @invariant()
    def all_are_where_they_should_be(self) -> None:
        queue = self.queue
        assert (queue.num_waiting, queue.num_running) == (len(self.waiting), len(self.running))
        assert set(queue.waiting()) == set(self.waiting)
        for user in "abcdef":
            assert queue.waiting_of(user) == sum(one.user == user for one in self.waiting)
        assert queue.num_users == len({one.user for one in self.waiting})

    @invariant()
    def nothing_is_kept_of_who_has_left(self) -> None:
        heaps = sum(len(line.heap) for line in self.queue._lines.values())
        assert heaps <= 2 * len(self.waiting)
        assert len(self.queue._order) <= 64 + 2 * 6 + 1
        if not self.waiting and not self.running:
            assert not self.queue.counters._served

    def teardown(self) -> None:
        """Whoever waits has a turn in the end: nobody is lost, and nobody starves."""
        for one in self.running:
            self.queue.leave(one)
        left = set(self.waiting)
        for _ in range(len(left)):
            served = self.queue.pop(1)
            assert served is not None
            left.remove(served)
            self.queue.leave(served)
        assert not left
        assert self.queue.pop(1) is None


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=60, deadline=None)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_nobody_starves_beside_users_who_never_stop(lengths: list[int]) -> None:
    queue = FairQueue()
    lone = ticket("lone")
    for number in range(len(lengths)):
        queue.push(ticket(f"greedy {number}"))
    queue.push(lone)
    for _ in range(2 * len(lengths) + 2):
        served = queue.pop(1)
        assert served is not None
        if served is lone:
            return
        queue.push(ticket(served.user))
        queue.charge(served.user, num_completion=lengths[int(served.user.split()[1])])
        queue.leave(served)
    pytest.fail("it waited for more turns of others than there are others")
