"""The services of a configuration, and those that come and go."""

from __future__ import annotations

from typing import Any

import pytest
from traitlets import TraitError

from jupyter_llm.app import LLMExtension
from jupyter_llm.engines.remote.config import remotes_of
from jupyter_llm.engines.remote.remotes import OPERATOR, Remotes
from jupyter_llm.engines.remote.settings import Key, Remote
from jupyter_llm.errors import InvalidRequestError, ModelLoadError

SECRET = "sk-do-not-tell"
FINE = {"id": "far", "url": "http://far/v1"}


def test_models_have_the_names_that_the_operator_gives() -> None:
    (one,) = remotes_of([FINE])
    assert (one.models, one.key, one.concurrency) == ({"far": ""}, Key(), 16)
    (listed,) = remotes_of([{**FINE, "models": ["a/b", "c"]}])
    assert listed.models == {"far/a/b": "a/b", "far/c": "c"}
    (mapped,) = remotes_of([{**FINE, "models": {"mine": "theirs"}, "url": "https://far/v1/"}])
    assert (mapped.models, mapped.url) == ({"mine": "theirs"}, "https://far/v1")


def test_a_service_may_have_several_servers() -> None:
    urls = ["http://one:8001/v1/", "http://two:8001/v1"]
    (remote,) = remotes_of([{**FINE, "url": urls, "balance": "least_outstanding"}])
    assert remote.balance == "least_outstanding"
    assert [(one.url, one.name) for one in remote.endpoints] == [
        ("http://one:8001/v1", "one:8001"),
        ("http://two:8001/v1", "two:8001"),
    ]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["far"], "remotes[0]: expected"),
        ([{"id": "far"}], "remotes[0].url: it is required"),
        ([FINE, {**FINE, "id": "x", "keys": SECRET}], "remotes[1].keys: there is no such field"),
        ([{**FINE, "url": 7}], "remotes[0].url: expected"),
        ([{**FINE, "url": "ftp://far"}], "remotes[0].url: give http"),
        ([{**FINE, "url": []}], "remotes[0].url: expected"),
        ([{**FINE, "url": ["http://a/v1", "http://a/v1"]}], "http://a/v1 is given twice"),
        ([{**FINE, "balance": "random"}], "remotes[0].balance: invalid"),
        ([{**FINE, "url": f"http://me:{SECRET}@far/v1"}], "remotes[0].url: it holds a password"),
        ([{**FINE, "url": f"http://far/v1?key={SECRET}"}], "remotes[0].url: leave out"),
        ([{**FINE, "key": SECRET, "key_env": "K"}], "remotes[0].key_env: key is given, too"),
        ([{**FINE, "key": [SECRET]}], "remotes[0].key: expected"),
        ([{**FINE, "concurrency": 0}], "remotes[0].concurrency: expected"),
        ([{**FINE, "dialect": "french"}], "remotes[0].dialect: invalid"),
        ([{**FINE, "id": "a b"}], "remotes[0].id: expected"),
        ([FINE, FINE], "remotes[1].id: there are two"),
        ([{**FINE, "models": {"guide": "x"}}], "remotes[0].models: there is another model 'guide'"),
        ([FINE, {**FINE, "id": "b", "models": {"far": "x"}}], "remotes[1].models: there is anoth"),
        ({"far": SECRET}, "remotes is a list"),
        (SECRET, "remotes is a list"),
    ],
)
def test_what_is_wrong_is_told_by_its_field_and_without_a_value(entries: Any, message: str) -> None:
    with pytest.raises(TraitError) as caught:
        LLMExtension(remotes=entries)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_service_comes_and_goes_with_who_brings_it() -> None:
    remotes = Remotes(remotes_of([FINE]))
    service = Remote(id="job-7", url="http://node:1/v1", models={"big": "big"})
    remotes.add(service, owner="services")
    assert [known.owner for known in remotes] == [OPERATOR, "services"]
    assert {model.id for model in remotes.models()} == {"far", "big"}
    assert remotes.speaks("big")
    assert remotes.find("big").name == "big"

    assert remotes.remove("job-7", owner=OPERATOR) is None
    assert remotes.remove("far", owner="services") is None
    assert remotes.remove("job-7", owner="services") == service
    assert not remotes.speaks("big")
    with pytest.raises(ModelLoadError, match="not offered any more"):
        remotes.find("big")


def test_no_service_takes_a_name_that_is_taken() -> None:
    remotes = Remotes(remotes_of([FINE]))
    with pytest.raises(InvalidRequestError, match="service 'far'"):
        remotes.add(Remote(id="far", url="http://x/v1", models={"a": "a"}), owner="services")
    for taken in ("far", "echo"):
        with pytest.raises(InvalidRequestError, match=f"model '{taken}'"):
            remotes.add(Remote(id="x", url="http://x/v1", models={taken: "a"}), owner="services")
    assert len(remotes) == 1


def test_a_key_is_not_in_what_is_printed() -> None:
    (one,) = remotes_of([{**FINE, "key": SECRET, "headers": {"X-Key": SECRET}}])
    assert SECRET not in repr(one)
