from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.registry.keys import SCOPES, Grant, KeyStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jupyter_llm" / "api_keys.json"


@pytest.fixture
def store(path: Path) -> KeyStore:
    return KeyStore(path)


def test_a_secret_opens_and_no_other_does(store: KeyStore) -> None:
    key, secret = store.create("laptop")

    assert store.verify(secret) == key
    assert store.verify(secret[:-1]) is None
    assert store.verify(secret + "x") is None
    assert store.verify("") is None


def test_secrets_are_long_and_unlike(store: KeyStore) -> None:
    secrets = {store.create(f"key {n}")[1] for n in range(20)}

    assert len(secrets) == 20
    assert all(len(secret) >= 43 for secret in secrets)


def test_the_file_holds_no_secret_and_is_for_its_owner_alone(store: KeyStore, path: Path) -> None:
    _, secret = store.create("laptop")

    assert secret not in path.read_text()
    assert secret.removeprefix("jllm-") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [key["name"] for key in json.loads(path.read_text())] == ["laptop"]


def test_a_running_server_notices_new_and_revoked_keys(store: KeyStore, path: Path) -> None:
    server = KeyStore(path)
    _, first = store.create("first")
    assert server.verify(first)

    _, second = store.create("second")
    assert server.verify(second)

    store.revoke("first")
    assert server.verify(first) is None
    assert server.verify(second)


def test_a_key_ends_when_it_expires(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = store.create("guest", expires_days=2)
    assert key.expires == key.created + timedelta(days=2)
    assert store.verify(secret)

    assert not key.is_valid(datetime.now(UTC) + timedelta(days=3))
    monkeypatch.setattr(type(key), "is_valid", lambda _key, _now: False)
    assert store.verify(secret) is None


@pytest.mark.parametrize(("name", "days"), [("", None), (" ", None), ("x", 0), ("x", -1)])
def test_a_key_needs_a_name_and_a_life(store: KeyStore, name: str, days: float | None) -> None:
    with pytest.raises(InvalidRequestError):
        store.create(name, expires_days=days)


def test_a_name_is_given_once(store: KeyStore) -> None:
    store.create("laptop")

    with pytest.raises(InvalidRequestError, match="already"):
        store.create("laptop")


def test_revoking_what_is_not_there_says_so(store: KeyStore) -> None:
    with pytest.raises(InvalidRequestError, match="no key named 'ghost'"):
        store.revoke("ghost")


def test_two_who_create_at_once_lose_none(path: Path) -> None:
    def create(number: int) -> None:
        KeyStore(path).create(f"key {number}")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {key.name for key in KeyStore(path).keys()} == {f"key {n}" for n in range(8)}  # noqa: SIM118


def test_keys_are_compared_in_constant_time(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("one")
    store.create("two")
    _, secret = store.create("three")
    compared = []

    def compare(stored: str, sent: str) -> bool:
        compared.append(stored)
        return stored == sent

    monkeypatch.setattr("jupyter_llm.registry.keys.hmac.compare_digest", compare)
    assert store.verify(secret)
    assert len(compared) == 3


@pytest.mark.parametrize("content", ["", "{", '{"name": 1}', "[1]"])
def test_a_damaged_file_opens_nothing_and_says_which(
    store: KeyStore, path: Path, content: str
) -> None:
    _, secret = store.create("laptop")
    path.write_text(content)

    assert store.verify(secret) is None
    with pytest.raises(InvalidRequestError, match=r"api_keys\.json"):
        store.create("desktop")


def test_a_key_may_do_what_it_was_made_for(store: KeyStore, path: Path) -> None:
    grant = Grant(
        scopes=("execute", "read"), models=("guide",), requests_per_minute=3, tokens_per_day=9
    )
    key, secret = store.create("app", grant)

    assert key.scopes == ("read", "execute")
    assert (key.models, key.requests_per_minute, key.tokens_per_day) == (("guide",), 3, 9)
    assert key.is_limited
    assert KeyStore(path).verify(secret) == key
    assert not store.create("all")[0].is_limited


@pytest.mark.parametrize(
    ("grant", "param"),
    [
        (Grant(scopes=("read", "fly")), "scopes"),
        (Grant(scopes=()), "scopes"),
        (Grant(models=("",)), "models"),
        (Grant(requests_per_minute=-1), "requests_per_minute"),
        (Grant(tokens_per_day=-1), "tokens_per_day"),
    ],
)
def test_a_grant_that_cannot_be_is_refused_by_name(
    store: KeyStore, grant: Grant, param: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        store.create("app", grant)
    assert refused.value.param == param


def test_a_key_of_an_older_file_may_do_everything(store: KeyStore, path: Path) -> None:
    _, secret = store.create("laptop")
    [key] = json.loads(path.read_text())
    old = {name: key[name] for name in ("name", "sha256", "created", "expires")}
    path.write_text(json.dumps([old]))

    found = store.verify(secret)
    assert found is not None
    assert found.scopes == SCOPES
    assert not found.is_limited
