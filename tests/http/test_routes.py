from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.serverapp import _has_tornado_web_authenticated
from tornado.web import RequestHandler

from jupyter_llm.handlers.base import LLMHandler
from jupyter_llm.handlers.routes import routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Call
    from jupyter_server.serverapp import ServerApp

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}


def registered(app: ServerApp) -> Iterator[tuple[str, type[RequestHandler]]]:
    """Every route below `llm/` that the running application knows."""
    for host in app.web_app.default_router.rules:
        for rule in getattr(host.target, "rules", []):
            pattern = rule.matcher.regex.pattern
            if pattern.startswith(f"{app.base_url}llm/"):
                yield pattern, rule.target


def verbs(handler: type[RequestHandler]) -> Iterator[tuple[str, Any]]:
    """The verbs that the handler implements; `options` is a preflight and open to all."""
    for name in RequestHandler.SUPPORTED_METHODS:
        method = getattr(handler, name.lower())
        if method is not RequestHandler._unimplemented_method and name != "OPTIONS":
            yield name, method


def authorization(method: Any) -> dict[str, Any]:
    """What `@authorized` was told, wherever it is in the chain of decorators."""
    while method is not None:
        found = inspect.getclosurevars(method).nonlocals
        if "resource" in found:
            return found
        method = getattr(method, "__wrapped__", None)
    return {}


def test_every_route_of_the_table_is_registered(llm_server: ServerApp) -> None:
    patterns = [pattern for pattern, _ in registered(llm_server)]

    for path, _, _ in routes(None):
        assert any(
            pattern.startswith(llm_server.base_url.rstrip("/") + path) for pattern in patterns
        )


def test_every_verb_is_authenticated_and_authorized(llm_server: ServerApp) -> None:
    found = 0
    for pattern, handler in registered(llm_server):
        assert issubclass(handler, LLMHandler), pattern
        for name, method in verbs(handler):
            found += 1
            where = f"{name} {pattern}"
            assert _has_tornado_web_authenticated(method), f"{where} is not @web.authenticated"
            told = authorization(method)
            assert told.get("resource") == "llm", f"{where} is not @authorized for llm"
            assert told.get("action") in {"read", "execute", "write"}, where
    assert found >= 12


def test_the_walk_notices_a_verb_without_decorators() -> None:
    class Careless(LLMHandler):
        def get(self) -> None: ...

    [(name, method)] = verbs(Careless)
    assert name == "GET"
    assert not _has_tornado_web_authenticated(method)
    assert not authorization(method)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("v1/models", "read"),
        ("health", "read"),
        ("metrics", "read"),
        ("v1/chat/completions", "execute"),
        ("v1/completions", "execute"),
        ("api/v1/vector-db/(.+)/collections", "read"),
        ("api/v1/vector-db/(.+)/collections/(.+)/points/search", "execute"),
        ("api/v1/vector-db/(.+)/collections/(.+)/points", "write"),
        ("load", "write"),
        ("unload", "write"),
    ],
)
def test_actions_are_those_of_the_documentation(
    llm_server: ServerApp, path: str, action: str
) -> None:
    handlers = dict(registered(llm_server))
    [(_, method)] = verbs(handlers[f"{llm_server.base_url}llm/{path}$"])

    assert authorization(method)["action"] == action


def test_a_server_that_forbids_unauthenticated_access_has_nothing_to_warn_of(
    jp_configurable_serverapp: Any, jp_server_config: dict[str, Any]
) -> None:
    jp_server_config["ServerApp"]["allow_unauthenticated_access"] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app = jp_configurable_serverapp(config=jp_server_config)

    assert list(registered(app))


class ReadOnly(Authorizer):
    def is_authorized(self, _handler: Any, _user: Any, action: str, resource: str) -> bool:
        return resource != "llm" or action == "read"


class TestWithADenyingAuthorizer:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["authorizer_class"] = ReadOnly
        return jp_server_config

    async def test_reading_is_allowed(self, call: Call) -> None:
        assert (await call("v1/models")).status == 200
        assert (await call("health")).status == 200

    @pytest.mark.parametrize("path", ["v1/chat/completions", "load", "unload"])
    async def test_the_rest_is_refused_with_a_reason(self, call: Call, path: str) -> None:
        answer = await call(path, CHAT)

        assert answer.status == 403
        assert answer.error["type"] == "permission_error"
        assert "not authorized" in answer.error["message"]


class TestUnknownPaths:
    @pytest.mark.parametrize("path", ["", "v1/nothing", "a%25b"])
    async def test_have_the_error_body_of_the_api(self, call: Call, path: str) -> None:
        answer = await call(path)

        assert answer.status == 404
        assert answer.error["code"] == "not_found"

    async def test_a_verb_that_a_route_lacks_is_405(self, call: Call) -> None:
        answer = await call("v1/chat/completions")

        assert answer.status == 405
        assert answer.error["code"] == "method_not_allowed"
        assert answer.headers["Allow"] == "POST, OPTIONS"

    async def test_so_is_a_verb_that_nobody_knows(self, call: Call) -> None:
        answer = await call("v1/models", method="TRACE")

        assert answer.status == 405
        assert answer.error["code"] == "method_not_allowed"
        assert answer.headers["Allow"] == "GET, OPTIONS"
