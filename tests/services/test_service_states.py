"""How a service stands, from what is seen and heard of its job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_llm.services.decide import LOST_AFTER_S, stands
from jupyter_llm.services.folder import Account, Endpoint, Word, parse_accounts
from jupyter_llm.services.launcher import Sight
from jupyter_llm.services.record import Record, from_row, to_row
from jupyter_llm.types import Service, ServiceState

S = ServiceState
NEW = Record(
    key="slurm-1",
    folder="/jobs/slurm-1",
    job_id="17",
    base_path="/llm",
    service=Service(
        id="17",
        name="guide",
        recipe="inference/x",
        kind="inference",
        owner="ada",
        launcher="slurm",
        state=S.PENDING,
        created_at=1000.0,
        as_of=1000.0,
        time_limit_s=600,
    ),
)
ENDPOINT = Endpoint(replica=0, host="n1", port=8001, gpus="0")
HEARD = Account(endpoints=(ENDPOINT,))
SEEN = Sight(job_id="17", state=S.RUNNING, nodes=("n1",))
RUNNING = stands(NEW, SEEN, HEARD, 1010.0, ready={"17:8001"})


def ended(state: ServiceState, reason: str = "why") -> Account:
    return Account(endpoints=(ENDPOINT,), last=Word(state=state, reason=reason, at=1100.0))


def test_it_is_running_once_a_server_has_answered() -> None:
    begun = stands(NEW, SEEN, Account(), 1005.0)
    assert (begun.service.state, begun.service.started_at) == (S.CONFIGURING, 1005.0)
    assert begun.service.ends_at == 1605.0
    heard = stands(begun, SEEN, HEARD, 1006.0)
    assert heard.service.state is S.CONFIGURING
    assert [(r.id, r.base_path, r.gpus) for r in heard.service.replicas] == [
        ("17:8001", "/llm", "0")
    ]
    answered = stands(heard, SEEN, HEARD, 1007.0, ready={"17:8001"})
    assert answered.service.state is S.RUNNING
    assert answered.service.replicas[0].is_healthy
    assert stands(answered, SEEN, HEARD, 1008.0) == answered


def test_it_stays_running_though_no_server_answers_any_more() -> None:
    replicas = tuple(replace(each, is_healthy=False) for each in RUNNING.service.replicas)
    ill = replace(RUNNING, service=replace(RUNNING.service, replicas=replicas))
    assert stands(ill, SEEN, HEARD, 1020.0).service.state is S.RUNNING


def test_a_server_that_comes_back_elsewhere_is_asked_anew() -> None:
    moved = Account(endpoints=(Endpoint(replica=0, host="n2", port=8001),))
    (replica,) = stands(RUNNING, SEEN, moved, 1020.0).service.replicas
    assert (replica.host, replica.state, replica.is_healthy) == ("n2", S.CONFIGURING, False)


@pytest.mark.parametrize(
    ("sight", "account", "cancelled", "state", "reason"),
    [
        # asked to end, it was cancelled, whatever it says
        (replace(SEEN, state=S.FAILED), ended(S.FAILED), True, S.CANCELLED, "It was cancelled."),
        (None, Account(), True, S.CANCELLED, "It was cancelled."),
        # the launcher has ended it, or knows why
        (
            replace(SEEN, state=S.NODE_FAIL, reason="node", is_own_word=True),
            ended(S.CANCELLED),
            False,
            S.NODE_FAIL,
            "node",
        ),
        # its own last word
        (replace(SEEN, state=S.FAILED), ended(S.TIMEOUT), False, S.TIMEOUT, "why"),
        (None, ended(S.COMPLETED), False, S.COMPLETED, "why"),
        # nobody knows
        (replace(SEEN, state=S.FAILED), HEARD, False, S.FAILED, "without a word"),
        (None, HEARD, False, S.FAILED, "without a word"),
    ],
)
def test_it_ends_as_the_best_witness_says(
    sight: Sight | None,
    account: Account,
    cancelled: bool,
    state: ServiceState,
    reason: str,
) -> None:
    before = replace(RUNNING, cancelled_at=1050.0 if cancelled else None)
    after = stands(before, sight, account, 1200.0)
    assert after.service.state is state
    assert reason in after.service.reason
    assert after.service.ended_at == (1100.0 if account.last else 1200.0)
    assert after.service.ends_at is None
    assert not any(each.is_healthy for each in after.service.replicas)
    # and so it stays
    assert stands(after, SEEN, HEARD, 1300.0) == after


def test_one_that_nobody_has_seen_may_be_on_its_way_for_a_while() -> None:
    assert stands(NEW, None, None, 1000.0 + LOST_AFTER_S - 1) == NEW
    lost = stands(NEW, None, None, 1000.0 + LOST_AFTER_S + 1)
    assert lost.service.state is S.FAILED
    assert "never submitted" in lost.service.reason


def test_one_that_begins_between_two_questions_has_not_ended() -> None:
    begun = stands(NEW, None, HEARD, 1010.0)
    assert (begun.service.state, begun.service.started_at) == (S.PENDING, 1010.0)
    assert stands(begun, SEEN, HEARD, 1011.0).service.state is S.CONFIGURING
    gone = stands(begun, None, HEARD, 1011.0)
    assert gone.service.state is S.FAILED
    assert "without a word" in gone.service.reason


def test_one_that_is_seen_by_its_tag_gets_its_id() -> None:
    nameless = replace(NEW, job_id="", service=replace(NEW.service, id="slurm-1"))
    seen = stands(nameless, replace(SEEN, state=S.PENDING, reason="later"), None, 1001.0)
    assert (seen.job_id, seen.service.id, seen.service.reason) == ("17", "17", "later")


def test_while_it_is_being_cancelled_it_says_so() -> None:
    asked = replace(RUNNING, cancelled_at=1050.0)
    assert stands(asked, SEEN, HEARD, 1051.0).service.reason == "It is being cancelled."


def test_a_record_survives_the_registry() -> None:
    asked = replace(RUNNING, cancelled_at=1050.0)
    row = to_row(asked)
    assert from_row(row) == asked
    assert (row["state"], row["job_id"], row["owner"]) == ("running", "17", "ada")


def test_a_job_is_heard_though_a_line_is_not_whole_yet() -> None:
    text = (
        "\x1e/a\n"
        '{"replica":0,"host":"n","port":8001,"gpus":"","pid":4}\n'
        '{"replica":1,"host":"n","port":8002}\n'
        '{"replica":0,"host":"n","port":9001}\n'
        '{"replica":2,"ho'
        "\n\x1d\n"
        '{"state":"running","exit_code":0,"reason":"","at":1}\n'
        "\x1e/b\n\x1d\n"
        '{"state":"completed","exit_code":0,"reason":"ok","at":1}\n'
        '{"state":"failed","exit_code":3,"reason":"bad","at":2}\n'
        "\x1e/c\n\x1d\n"
    )
    found = parse_accounts(text)
    assert [(each.replica, each.port) for each in found["/a"].endpoints] == [(0, 9001), (1, 8002)]
    assert found["/a"].last is None
    assert found["/b"].last is not None
    assert found["/b"].last.reason == "bad"
    assert found["/c"] == Account()
