from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_llm.manager.eviction import Plan, Resident, plan_room
from jupyter_llm.manager.settings import EvictionPolicy

POLICY = EvictionPolicy(patience_s=10, max_wait_s=60)


def resident(name: str, num_bytes: int = 10, used: float = 0.0, **flags: bool) -> Resident:
    return Resident(id=name, num_bytes=num_bytes, last_used_at=used, **flags)


def plan(need: int, free: int, *residents: Resident, waited_s: float = 0.0) -> Plan:
    return plan_room(need, free, residents, waited_s=waited_s, policy=POLICY)


def test_nobody_leaves_while_there_is_room() -> None:
    assert plan(10, 10, resident("a")) == Plan(fits=True)


def test_the_model_that_was_not_used_for_longest_leaves_first() -> None:
    assert plan(10, 0, resident("new", used=2), resident("old", used=1)).evict == ("old",)


def test_no_more_leave_than_needed() -> None:
    residents = [resident(name, used=i) for i, name in enumerate("abc")]
    assert plan(15, 0, *residents).evict == ("a", "b")


def test_a_pinned_model_stays_and_so_the_load_is_hopeless() -> None:
    assert plan(10, 0, resident("a", is_pinned=True)).is_hopeless


def test_nobody_leaves_in_vain() -> None:
    assert plan(100, 0, resident("a"), resident("b")) == Plan(is_hopeless=True)


def test_a_model_that_holds_nothing_yet_need_not_leave() -> None:
    assert plan(10, 0, resident("on its way", num_bytes=0), resident("b", used=1)).evict == ("b",)


def test_what_leaves_already_is_waited_for() -> None:
    assert plan(10, 0, resident("a", is_leaving=True), resident("b")) == Plan()


def test_a_busy_model_is_waited_for_then_drained_then_given_up() -> None:
    busy = resident("a", is_busy=True)
    assert plan(10, 0, busy) == Plan()
    assert plan(10, 0, busy, waited_s=10) == Plan(drain=("a",))
    assert plan(10, 0, busy, waited_s=60) == Plan(is_overdue=True)


def test_idle_models_stay_as_long_as_they_alone_make_no_room() -> None:
    residents = resident("idle"), resident("busy", is_busy=True)
    assert plan(20, 0, *residents) == Plan()
    assert plan(20, 0, *residents, waited_s=10) == Plan(drain=("busy",))


@pytest.mark.parametrize("waited_s", [0.0, 10.0, 60.0])
@given(
    need=st.integers(0, 60),
    free=st.integers(0, 30),
    residents=st.lists(
        st.builds(
            Resident,
            id=st.uuids().map(str),
            num_bytes=st.integers(0, 20),
            last_used_at=st.floats(0, 100),
            is_busy=st.booleans(),
            is_pinned=st.booleans(),
            is_leaving=st.booleans(),
        ),
        max_size=6,
    ),
)
def test_whatever_is_in_memory_the_rules_hold(
    waited_s: float, need: int, free: int, residents: list[Resident]
) -> None:
    made = plan(need, free, *residents, waited_s=waited_s)
    by_id = {resident.id: resident for resident in residents}
    assert made.fits == (need <= free)
    assert not any(by_id[name].is_busy or by_id[name].is_pinned for name in made.evict)
    assert all(by_id[name].num_bytes for name in (*made.evict, *made.drain))
    assert all(by_id[name].is_busy and not by_id[name].is_pinned for name in made.drain)
    leaving = [r.num_bytes for r in residents if r.is_leaving and not r.is_pinned]
    if made.evict:
        given_back = sum(by_id[name].num_bytes for name in made.evict)
        assert free + sum(leaving) + given_back >= need
