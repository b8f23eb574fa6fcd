from __future__ import annotations

import signal

import pytest

from jupyter_llm.processes.child import child_environment, describe_end, find_cause


@pytest.mark.parametrize(
    "name",
    [
        "JUPYTER_TOKEN",
        "JUPYTER_LLM_API_KEY",
        "JUPYTERHUB_API_TOKEN",
        "JPY_API_TOKEN",
        "CONFIGPROXY_AUTH_TOKEN",
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "aws_session_token",
    ],
)
def test_credentials_stay_with_the_server(name: str) -> None:
    assert name not in child_environment({name: "s3cret"})


def test_a_url_with_credentials_stays_with_the_server() -> None:
    assert "DATABASE_URL" not in child_environment({"DATABASE_URL": "postgres://me:pw@host/db"})


def test_what_an_engine_needs_is_passed_on() -> None:
    environment = {
        "PATH": "/usr/bin",
        "HOME": "/home/someone",
        "CUDA_VISIBLE_DEVICES": "0",
        "OMP_NUM_THREADS": "3",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": "/data/hub",
    }
    assert environment.items() <= child_environment(environment).items()


def test_a_failed_assertion_is_told_without_folders() -> None:
    output = (
        "some chatter\n"
        "/tmp/build/x/vendor/llama.cpp/src/llama-context.cpp:1234: "
        "GGML_ASSERT(n_tokens_all <= cparams.n_batch) failed\n"
        "libggml-base.so.0(+0x19fe7)[0x7f1]\n"
    )
    assert describe_end(-signal.SIGABRT, output) == (
        "crashed (SIGABRT): llama-context.cpp:1234: "
        "GGML_ASSERT(n_tokens_all <= cparams.n_batch) failed"
    )


def test_a_kill_hints_at_memory() -> None:
    assert describe_end(-signal.SIGKILL, "") == (
        "was killed (SIGKILL), as the system does when memory runs out"
    )


def test_an_exit_status_comes_with_the_error_that_caused_it() -> None:
    output = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'msgspec'\n"
    assert describe_end(1, output) == (
        "ended with exit status 1: ModuleNotFoundError: No module named 'msgspec'"
    )


def test_text_that_names_no_cause_is_never_quoted() -> None:
    assert find_cause("a user's secret prompt\nKeyError: 'their words'\n") == ""


def test_a_signal_without_a_name_has_its_number() -> None:
    assert describe_end(-60, "") == "was ended (signal 60)"
