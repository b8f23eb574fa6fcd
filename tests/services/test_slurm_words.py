"""SLURM's command lines and answers, of the oldest and the newest version that is supported."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_llm.services.cookbook import Cookbook
from jupyter_llm.services.launcher import Job
from jupyter_llm.services.plan import plan
from jupyter_llm.services.slurm_words import (
    _STATES,
    queue_argv,
    sights,
    submit_argv,
    submitted_id,
)
from jupyter_llm.types import ServiceState

JOB = Job(key="slurm-1", folder="/jobs/50%/slurm-1")
US = "\x1f"
EXPORTED = (
    "HOME,USER,LOGNAME,PATH,LANG,LC_ALL,TMPDIR,LD_LIBRARY_PATH,PYTHONPATH,JUPYTER_DATA_DIR,"
    "MODELS_DIR,HF_HOME,HF_ENDPOINT,HF_TOKEN"
)


def argv(recipe: str, config: dict[str, Any] | None = None) -> list[str]:
    return submit_argv(JOB, plan(Cookbook().recipe(recipe), config))


def line(job_id: str, state: str, reason: str, nodes: str, comment: str) -> str:
    return US.join((job_id, state, reason, nodes, comment)) + "\n"


def test_the_command_line_says_what_the_plan_says() -> None:
    resources = {
        "gpu": 2,
        "gpu_type": "h100",
        "partition": "gpu",
        "account": "p200",
        "qos": "short",
        "reservation": "course",
        "constraint": "a100&(ib|eth)",
    }
    assert argv("vllm-single-node", {"resources": resources}) == [
        "sbatch",
        "--parsable",
        "--no-requeue",
        "--job-name=jllm-vllm-single-node",
        "--comment=jupyter-llm:slurm-1",
        "--output=/jobs/50%%/slurm-1/log",
        "--open-mode=append",
        "--chdir=/jobs/50%/slurm-1",
        f"--export={EXPORTED}",
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=8",
        "--mem=64G",
        "--gres=gpu:h100:2",
        "--time=121",
        "--partition=gpu",
        "--account=p200",
        "--qos=short",
        "--reservation=course",
        "--constraint=a100&(ib|eth)",
    ]


def test_what_is_not_asked_for_is_left_to_the_cluster() -> None:
    words = argv("vllm-cpu", {"resources": {"cpu": None, "memory": None, "time_limit": None}})
    names = {word.partition("=")[0] for word in words}
    assert names.isdisjoint({"--cpus-per-task", "--mem", "--time", "--gres", "--array"})


def test_one_question_is_for_all_jobs() -> None:
    assert queue_argv() == [
        "squeue",
        "--noheader",
        "--me",
        "--states=all",
        f"--format=%F{US}%T{US}%r{US}%N{US}%k",
    ]


@pytest.mark.parametrize(
    ("answer", "job_id"),
    [("17\n", "17"), ("17;cluster\n", "17"), ("sbatch: a note\n18\n", "18"), (" 19", "19")],
)
def test_the_id_of_a_job_is_read(answer: str, job_id: str) -> None:
    assert submitted_id(answer) == job_id


@pytest.mark.parametrize("answer", ["", "\n", "job 17", "-1", "١٧", "17 18"])
def test_what_is_no_id_is_not_taken_for_one(answer: str) -> None:
    with pytest.raises(ValueError, match="no job id"):
        submitted_id(answer)


def test_other_jobs_and_broken_lines_are_passed_over() -> None:
    answer = (
        line("1", "RUNNING", "None", "gpu1", "jupyter-llm:a")
        + line("2", "RUNNING", "None", "gpu1", "somebody's")
        + line("3", "RUNNING", "None", "gpu1", "(null)")
        + "slurm_load_jobs: a warning\n"
        + f"4{US}RUNNING\n"
        + line("5", "PENDING", "Priority", "", "jupyter-llm:b|c")
    )
    seen = sights(answer)
    assert set(seen) == {"a", "b|c"}
    assert (seen["a"].job_id, seen["a"].nodes, seen["a"].reason) == ("1", ("gpu1",), "")
    assert seen["b|c"].nodes == ()
    assert "higher priority" in seen["b|c"].reason


@pytest.mark.parametrize(
    ("state", "reason", "expected", "words", "is_own_word"),
    [
        ("PENDING", "Resources", "pending", "become free", False),
        ("PENDING", "ReqNodeNotAvail, UnavailableNodes:gpu1", "pending", "not available", False),
        ("PENDING", "(Priority)", "pending", "higher priority", False),
        ("PENDING", "SomethingNew", "pending", "SLURM says: SomethingNew.", False),
        ("CONFIGURING", "None", "configuring", "", False),
        ("COMPLETING", "None", "running", "", False),
        ("COMPLETED", "None", "completed", "", False),
        ("FAILED", "NonZeroExitCode", "failed", "", False),
        ("OUT_OF_MEMORY", "OutOfMemory", "failed", "more memory", True),
        ("CANCELLED", "None", "cancelled", "cancelled", True),
        ("PREEMPTED", "None", "cancelled", "higher priority took its place", True),
        ("TIMEOUT", "TimeLimit", "timeout", "time limit", True),
        ("NODE_FAIL", "NodeDown", "node_fail", "A node of it failed.", True),
        ("A_NEW_STATE", "None", "running", "", False),
    ],
)
def test_states_are_put_into_words(
    state: str, reason: str, expected: str, words: str, is_own_word: bool
) -> None:
    seen = sights(line("1", state, reason, "n", "jupyter-llm:a"))["a"]
    assert seen.state == expected
    assert words in seen.reason
    assert bool(words) == bool(seen.reason)
    assert seen.is_own_word is is_own_word


def test_every_state_of_a_service_comes_from_some_state_of_slurm() -> None:
    assert set(_STATES.values()) == set(ServiceState)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("RUNNING", "PENDING"), "running"),
        (("PENDING", "FAILED"), "pending"),
        (("COMPLETED", "FAILED"), "failed"),
        (("COMPLETED", "NODE_FAIL"), "node_fail"),
        (("CANCELLED", "CANCELLED"), "cancelled"),
    ],
)
def test_the_tasks_of_an_array_are_one_service(states: tuple[str, str], expected: str) -> None:
    answer = "".join(
        line("7", state, "None", f"gpu{at}", "jupyter-llm:a") for at, state in enumerate(states)
    )
    seen = sights(answer)["a"]
    assert (seen.job_id, seen.state) == ("7", expected)
    assert set(seen.nodes) == {"gpu0", "gpu1"}
