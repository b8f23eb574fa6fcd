from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_server.auth import User
from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.auth.security import passwd

from jupyter_llm.handlers.auth import owner_of
from jupyter_llm.registry.keys import KeyStore

if TYPE_CHECKING:
    from conftest import Call
    from jupyter_server.serverapp import ServerApp

    from jupyter_llm.app import LLMExtension

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}
NOBODY: dict[str, str] = {}
KEYS = KeyStore(Path("/nowhere/api_keys.json"))
WRONG = {"Authorization": "Bearer wrong"}

MODES = {
    "token": {},
    "open": {"ServerApp": {"token": ""}, "IdentityProvider": {"token": ""}},
    "password": {
        "ServerApp": {"token": ""},
        "PasswordIdentityProvider": {"hashed_password": passwd("secret", algorithm="sha1")},
    },
}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], request: pytest.FixtureRequest) -> Any:
    mode = request.getfixturevalue("mode") if "mode" in request.fixturenames else "token"
    for name, traits in MODES[mode].items():
        jp_server_config.setdefault(name, {}).update(traits)
    return jp_server_config


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("credentials", [NOBODY, WRONG], ids=["none", "wrong"])
@pytest.mark.parametrize("path", ["v1/models", "v1/chat/completions", "nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.usefixtures("mode")
async def test_strangers_are_told_how_to_authenticate_whatever_the_mode(
    call: Call, credentials: dict[str, str], path: str, method: str
) -> None:
    body = b"{}" if method == "POST" else None
    answer = await call(path, body, method=method, auth=credentials)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.error["code"] == "invalid_api_key"
    assert "jupyter llm key create" in answer.error["message"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("mode")
async def test_a_stored_key_opens_every_mode(call: Call, jp_data_dir: Path) -> None:
    store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
    _, secret = store.create("laptop")

    assert (await call("v1/models", auth=bearer(secret))).status == 200
    answer = await call("v1/chat/completions", CHAT, auth=bearer(secret))
    assert answer.json["choices"][0]["message"]["content"] == "Hello there"
    assert "username" not in answer.headers.get("Set-Cookie", "")

    store.revoke("laptop")
    assert (await call("v1/models", auth=bearer(secret))).status == 401


@pytest.mark.usefixtures("mode")
async def test_the_kernels_key_opens_every_mode(call: Call, extension: LLMExtension) -> None:
    assert extension.kernel_key is not None
    answer = await call("v1/chat/completions", CHAT, auth=bearer(extension.kernel_key))

    assert answer.status == 200


async def test_a_key_counts_only_in_the_authorization_header(
    call: Call, extension: LLMExtension
) -> None:
    assert (await call(f"v1/models?token={extension.kernel_key}", auth=NOBODY)).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "token"])
async def test_the_servers_token_is_accepted(
    call: Call, llm_server: ServerApp, scheme: str
) -> None:
    auth = {"Authorization": f"{scheme} {llm_server.identity_provider.token}"}

    assert (await call("v1/chat/completions", CHAT, auth=auth)).status == 200


@pytest.mark.usefixtures("mode")
async def test_a_browser_may_read_with_its_session(call: Call, session: dict[str, str]) -> None:
    referer = {"Referer": "http://127.0.0.1/lab"}
    assert (await call("v1/models", auth=session, headers=referer)).status == 200


@pytest.mark.usefixtures("mode")
async def test_a_browser_needs_its_xsrf_token_to_change_anything(
    call: Call, session: dict[str, str]
) -> None:
    refused = await call("v1/chat/completions", CHAT, auth=session)
    assert refused.status == 403
    assert "X-XSRFToken" in refused.error["message"]

    cookie = {"Cookie": f"{session['Cookie']}; _xsrf=abc"}
    allowed = await call("v1/chat/completions", CHAT, auth=cookie, headers={"X-XSRFToken": "abc"})
    assert allowed.status == 200


async def test_another_sites_page_is_refused_with_a_session(
    call: Call, session: dict[str, str]
) -> None:
    answer = await call(
        "v1/chat/completions", CHAT, auth=session, headers={"Origin": "http://evil.example"}
    )

    assert answer.status == 403
    assert "allow_origin" in answer.error["message"]


async def test_a_foreign_host_header_is_refused_with_a_reason(call: Call) -> None:
    answer = await call("v1/models", headers={"Host": "evil.example"})

    assert answer.status == 403
    assert "allow_remote_access" in answer.error["message"]


def test_password_mode_is_what_it_says(mode: str, llm_server: ServerApp) -> None:
    provider = llm_server.identity_provider
    assert isinstance(provider, PasswordIdentityProvider)
    assert {"token": bool(provider.token), "password": bool(provider.hashed_password)} == {
        "token": {"token": True, "password": False},
        "open": {"token": False, "password": False},
        "password": {"token": False, "password": True},
    }[mode]


@pytest.mark.parametrize(
    ("name", "keys", "owner"),
    [
        ("0" * 32, None, "0" * 32),
        ("0" * 32, KEYS, ""),
        ("llm-kernels", KEYS, ""),
        ("ada", None, "ada"),
        ("llm-key:app", KEYS, "llm-key:app"),
    ],
)
def test_users_of_a_hub_have_responses_of_their_own_whatever_they_are_called(
    name: str, keys: KeyStore | None, owner: str
) -> None:
    handler: Any = SimpleNamespace(
        current_user=User(username=name), context=SimpleNamespace(keys=keys)
    )
    assert owner_of(handler) == owner
