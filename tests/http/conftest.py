"""A server in this process and a short way to call it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Script, ScriptedEngine
from tornado.web import create_signed_value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_server.serverapp import ServerApp
    from tornado.httpclient import HTTPResponse

    from jupyter_llm.app import LLMExtension

    Call = Callable[..., Awaitable["Answer"]]

MESSAGES = [{"role": "user", "content": "Hello there"}]


@dataclass
class Answer:
    """A response, read."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error, if this is one in OpenAI's form and in no other."""
        body = self.json
        assert list(body) == ["error"]
        assert set(body["error"]) == {"message", "type", "param", "code"}
        return body["error"]

    @property
    def events(self) -> list[Any]:
        """The data of every server-sent event; `[DONE]` stays a string."""
        lines = self.body.decode().splitlines()
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [item if item == "[DONE]" else json.loads(item) for item in data]


@pytest.fixture
def call(llm_server: ServerApp, http_server_client: Any, jp_auth_header: dict[str, str]) -> Call:
    """Send a request below `llm/`, with the server's token unless `auth` says otherwise."""

    async def send(
        path: str,
        body: Any = None,
        *,
        method: str | None = None,
        auth: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        response: HTTPResponse = await http_server_client.fetch(
            f"{llm_server.base_url}llm/{path}",
            method=method or ("GET" if raw is None else "POST"),
            body=raw,
            headers={**(jp_auth_header if auth is None else auth), **(headers or {})},
            raise_error=False,
            allow_nonstandard_methods=True,
            request_timeout=30,
        )
        return Answer(response.code, response.headers, response.body)

    return send


@pytest.fixture
def extension(llm_server: ServerApp) -> LLMExtension:
    """The extension of the server in this process."""
    return llm_server.web_app.settings["llm"]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Puts a scripted engine in the place of `echo`."""
    script = Script()
    monkeypatch.setattr(
        "jupyter_llm.engines.select.find_engine",
        lambda *_args, **_options: lambda: ScriptedEngine(script),
    )
    return script


@pytest.fixture
def session(llm_server: ServerApp, http_server_client: Any) -> dict[str, str]:
    """The cookies of a browser that has logged in."""
    port = http_server_client.get_http_port()
    provider = llm_server.identity_provider
    user = provider.user_to_cookie(provider.generate_anonymous_user(_Logging(llm_server)))
    name = f"username-127-0-0-1-{port}"
    secret = llm_server.web_app.settings["cookie_secret"]
    return {"Cookie": f"{name}={create_signed_value(secret, name, user).decode()}"}


class _Logging:
    def __init__(self, app: ServerApp) -> None:
        self.log = app.log
