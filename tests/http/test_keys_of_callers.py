"""What API keys are good for, and who counts as one user."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.registry.keys import Grant, KeyStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Call
    from scripted import Script

    from jupyter_llm.app import LLMExtension

    Make = Callable[..., dict[str, str]]

MESSAGES = [{"role": "user", "content": "Hello there"}]
CHAT = {"model": "echo", "messages": MESSAGES}


@pytest.fixture
def make(jp_data_dir: Path) -> Make:
    """A new key, as the header that it is sent in."""
    store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")

    def create(name: str = "app", **grant: Any) -> dict[str, str]:
        _, secret = store.create(name, Grant(**grant))
        return {"Authorization": f"Bearer {secret}"}

    return create


class TestScopes:
    @pytest.mark.parametrize(
        ("path", "body", "scope"),
        [
            ("v1/models", None, "read"),
            ("v1/chat/completions", CHAT, "execute"),
            ("load", {"model": "echo"}, "write"),
            ("api/admin/keys", None, "write"),
        ],
    )
    async def test_a_key_is_good_for_what_it_was_made_for_alone(
        self, call: Call, make: Make, path: str, body: Any, scope: str
    ) -> None:
        others = tuple({"read", "execute", "write"} - {scope})
        answer = await call(path, body, auth=make("without", scopes=others))
        assert answer.status == 403
        assert answer.error["code"] == "insufficient_scope"
        assert f"no scope '{scope}'" in answer.error["message"]
        assert answer.error["type"] == "permission_error"

        if path != "api/admin/keys":
            assert (await call(path, body, auth=make("with", scopes=(scope,)))).status == 200

    async def test_a_socket_needs_the_right_to_read(self, call: Call, make: Make) -> None:
        assert (await call("ws", auth=make(scopes=("execute",)))).status == 403


class TestModels:
    async def test_there_are_no_others_than_those_of_the_key(self, call: Call, make: Make) -> None:
        auth = make(models=("echo",))
        listed = (await call("v1/models", auth=auth)).json["data"]
        assert [model["id"] for model in listed] == ["echo"]
        catalogue = (await call("models", auth=auth)).json
        assert [one["model"]["id"] for one in catalogue["data"]] == ["echo"]
        assert catalogue["active"] is None
        assert (await call("v1/models/echo", auth=auth)).status == 200
        assert (await call("v1/chat/completions", CHAT, auth=auth)).status == 200

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "v1/models/guide", None),
            ("POST", "v1/chat/completions", {"model": "guide", "messages": MESSAGES}),
            ("POST", "v1/chat/completions", {"messages": MESSAGES}),
            ("POST", "v1/completions", {"model": "guide", "prompt": "Hello"}),
            ("POST", "load", {"model": "guide"}),
            ("POST", "switch", {"model": "guide"}),
            ("POST", "unload", {"model": "guide"}),
            ("GET", "api/admin/models/guide", None),
            ("DELETE", "api/admin/models/guide", None),
            ("POST", "api/admin/models/guide/load", None),
            ("POST", "api/admin/models/guide/settings", {"pinned": True}),
        ],
    )
    async def test_another_model_is_not_there_whatever_is_asked_of_it(
        self, call: Call, make: Make, method: str, path: str, body: Any
    ) -> None:
        answer = await call(path, body, method=method, auth=make(models=("echo",)))

        assert answer.status == 404
        assert answer.error["code"] == "model_not_found"
        assert (await call("health")).json["status"] == "available"

    @pytest.mark.parametrize("name", ["guide", "", "guide.gguf"])
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("v1/embeddings", {"input": "Hello"}),
            ("v1/rerank", {"query": "a", "documents": ["b"]}),
            ("v1/tokenize", {"text": "Hello"}),
            ("v1/tokenize", {"messages": MESSAGES}),
            ("v1/detokenize", {"tokens": [1]}),
            ("v1/extract", {"text": "Hello"}),
            ("v1/responses", {"input": "Hello"}),
            ("v1/messages", {"messages": MESSAGES, "max_tokens": 5}),
            ("v1/messages/count_tokens", {"messages": MESSAGES}),
            ("v1/completions", {"prompt": ["a", "b"], "n": 2}),
            ("v1/chat/completions", {"messages": MESSAGES, "stream": True, "resumable": True}),
            ("api/generate", {"prompt": "Hello"}),
            ("api/generate/stream", {"prompt": "Hello"}),
            ("api/chat", {"messages": MESSAGES}),
            ("api/chat/stream", {"messages": MESSAGES}),
        ],
    )
    async def test_no_route_has_another_model(
        self, call: Call, make: Make, path: str, body: dict[str, Any], name: str
    ) -> None:
        answer = await call(path, {"model": name, **body}, auth=make(models=("echo",)))

        assert answer.status == 404
        assert answer.json["error"]["code"] == "model_not_found"

    @pytest.mark.parametrize("name", ["fast", "echo"])
    async def test_a_model_may_be_allowed_by_its_alias(
        self, call: Call, make: Make, name: str
    ) -> None:
        await call("api/admin/models/echo/settings", {"aliases": ["fast"]})
        auth = make(models=("fast",))

        assert (await call("v1/chat/completions", {**CHAT, "model": name}, auth=auth)).status == 200
        assert (await call("v1/embeddings", {"model": name, "input": "a"}, auth=auth)).status == 200
        other = await call("v1/chat/completions", {**CHAT, "model": "guide"}, auth=auth)
        assert other.status == 404

    async def test_no_alias_takes_the_place_of_a_model_that_the_key_does_not_see(
        self, call: Call, make: Make
    ) -> None:
        answer = await call(
            "api/admin/models/echo/settings", {"aliases": ["guide"]}, auth=make(models=("echo",))
        )

        assert answer.status == 400
        assert answer.error["param"] == "aliases"

    async def test_no_alias_is_taken_from_a_model_that_the_key_does_not_see(
        self, call: Call, make: Make
    ) -> None:
        path, body = "api/admin/models/{}/settings", {"aliases": ["gpt-4o"]}
        assert (await call(path.format("guide"), body)).status == 200
        taken = await call(path.format("echo"), body, auth=make(models=("echo",)))

        assert taken.status == 404
        assert (await call(path.format("guide"))).json["aliases"] == ["gpt-4o"]

    async def test_figures_of_all_models_are_not_for_a_key_of_some(
        self, call: Call, make: Make
    ) -> None:
        refused = await call("metrics", auth=make(models=("echo",)))

        assert (refused.status, refused.error["code"]) == (403, "insufficient_scope")
        assert (await call("metrics", auth=make("all"))).status == 200

    async def test_a_response_of_another_key_is_nothing_to_go_on_from(
        self, call: Call, make: Make
    ) -> None:
        body = {"model": "echo", "input": "Hello"}
        first = (await call("v1/responses", body, auth=make("one"))).json["id"]
        other = make("other")

        followed = await call("v1/responses", {**body, "previous_response_id": first}, auth=other)
        assert followed.status == 400
        assert followed.error["code"] == "previous_response_not_found"
        for path in (first, f"{first}/input_items"):
            assert (await call(f"v1/responses/{path}", auth=other)).status == 404
        assert (await call(f"v1/responses/{first}", method="DELETE", auth=other)).status == 404

    async def test_what_others_have_loaded_is_not_seen(self, call: Call, make: Make) -> None:
        await call("load", {"model": "echo"})
        health = await call("health", auth=make(models=("guide",)))

        assert "echo" not in health.body.decode()


class TestQuotas:
    async def test_requests_in_a_minute_are_counted(self, call: Call, make: Make) -> None:
        auth = make(requests_per_minute=2)
        statuses = [(await call("v1/chat/completions", CHAT, auth=auth)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await call("v1/chat/completions", CHAT, auth=auth)
        assert refused.error["code"] == "quota_exceeded"
        assert refused.error["type"] == "rate_limit_error"
        assert 50 <= int(refused.headers["Retry-After"]) <= 60
        assert (await call("v1/models", auth=auth)).status == 200
        assert (await call("v1/chat/completions", CHAT, auth=make("other"))).status == 200

    async def test_tokens_of_a_day_are_counted(self, call: Call, make: Make) -> None:
        auth = make(tokens_per_day=5)
        first = await call("v1/chat/completions", CHAT, auth=auth)
        assert first.json["usage"]["total_tokens"] == 4
        second = await call("v1/chat/completions", {**CHAT, "stream": True}, auth=auth)
        assert second.status == 200
        refused = await call("v1/chat/completions", CHAT, auth=auth)
        assert refused.status == 429
        assert refused.error["code"] == "quota_exceeded"
        assert "used 8" in refused.error["message"]
        assert int(refused.headers["Retry-After"]) <= 86_400
        keys = (await call("api/admin/keys")).json["keys"]
        assert keys[0]["tokens_today"] == 8


class TestQuotasOfUsers:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"user_requests_per_minute": 2}
        return jp_server_config

    async def test_all_who_have_the_token_alone_are_one_user(
        self, call: Call, make: Make, extension: LLMExtension
    ) -> None:
        for status in (200, 200, 429):
            assert (await call("v1/chat/completions", CHAT)).status == status
        kernel = {"Authorization": f"Bearer {extension.kernel_key}"}
        assert (await call("v1/chat/completions", CHAT, auth=kernel)).status == 200

        generous = make(requests_per_minute=3)
        for status in (200, 200, 200, 429):
            assert (await call("v1/chat/completions", CHAT, auth=generous)).status == status


class TestUsers:
    async def test_each_credential_has_its_user(
        self, script: Script, call: Call, make: Make, session: dict[str, str]
    ) -> None:
        kernel = {"Authorization": f"Bearer {os.environ['JUPYTER_LLM_API_KEY']}"}
        browser = {"Cookie": f"{session['Cookie']}; _xsrf=abc"}
        for auth in (None, None, make("app"), kernel, browser, browser):
            answer = await call(
                "v1/chat/completions", CHAT, auth=auth, headers={"X-XSRFToken": "abc"}
            )
            assert answer.status == 200
        users = [request.user for request in script.requests]
        assert users[:4] == ["", "", "llm-key:app", "llm-kernels"]
        assert users[4] == users[5]
        assert len(users[4]) == 32

    async def test_a_body_cannot_choose_its_user(self, script: Script, call: Call) -> None:
        await call("v1/chat/completions", {**CHAT, "user": "somebody"})

        assert script.requests[0].user == ""


class TestAdministration:
    async def test_keys_are_made_listed_and_revoked(self, call: Call) -> None:
        body = {"name": "app", "scopes": ["execute"], "models": ["echo"], "expires_days": 1}
        made = await call("api/admin/keys", body)
        assert made.status == 201
        assert made.headers["Cache-Control"] == "no-store"
        auth = {"Authorization": f"Bearer {made.json['key']}"}
        assert (await call("v1/chat/completions", CHAT, auth=auth)).status == 200

        listed = await call("api/admin/keys")
        assert made.json["key"] not in listed.body.decode()
        [key] = listed.json["keys"]
        assert (key["name"], key["scopes"], key["models"]) == ("app", ["execute"], ["echo"])
        assert key["expires"] > key["created"]

        gone = await call("api/admin/keys/app", method="DELETE")
        assert gone.json == {"status": "revoked", "name": "app"}
        assert (await call("v1/chat/completions", CHAT, auth=auth)).status == 401
        assert (await call("api/admin/keys/app", method="DELETE")).status == 404

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({}, "name"),
            ({"name": " "}, "name"),
            ({"name": "x", "scopes": ["fly"]}, "scopes"),
            ({"name": "x", "scopes": []}, "scopes"),
            ({"name": "x", "models": [""]}, "models[0]"),
            ({"name": "x", "tokens_per_day": -1}, "tokens_per_day"),
            ({"name": "x", "requests_per_minute": 1.5}, "requests_per_minute"),
            ({"name": "x", "expires_days": 0}, "expires_days"),
            ({"name": "x", "expires_days": 1e9}, "expires_days"),
            ({"name": "x", "admin": True}, "admin"),
        ],
    )
    async def test_a_key_that_cannot_be_is_refused_by_name(
        self, call: Call, body: Any, param: str
    ) -> None:
        answer = await call("api/admin/keys", body)

        assert answer.status == 400
        assert answer.error["param"] == param

    @pytest.mark.parametrize(
        "grant",
        [{"models": ("echo",)}, {"tokens_per_day": 9}, {"scopes": ("read", "write")}],
    )
    async def test_a_limited_key_makes_none_without_its_limits(
        self, call: Call, make: Make, grant: dict[str, Any]
    ) -> None:
        answer = await call("api/admin/keys", {"name": "more"}, auth=make(**grant))

        assert answer.status == 403
        assert "limited" in answer.error["message"]
        assert (await call("api/admin/keys", {"name": "all"}, auth=make("free"))).status == 201


class TestTheQueue:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {
            "max_queued_requests": 4,
            "max_queued_requests_per_user": 2,
        }
        return jp_server_config

    async def test_a_user_with_too_many_is_told_when_to_come_back_and_others_are_not(
        self, script: Script, call: Call, make: Make, extension: LLMExtension
    ) -> None:
        await call("load", {"model": "echo"})
        script.decode.clear()
        heavy, light, third = make("heavy"), make("light"), make("third")

        def send(auth: dict[str, str]) -> Any:
            return asyncio.ensure_future(call("v1/chat/completions", CHAT, auth=auth))

        async def until_waiting(num_waiting: int) -> None:
            async with asyncio.timeout(10):
                while extension.manager.loaded()[0].stats.num_waiting < num_waiting:
                    await asyncio.sleep(0.01)

        sent = [send(heavy) for _ in range(4)]
        await until_waiting(2)
        refused = await send(heavy)
        assert refused.status == 429
        assert refused.error["code"] == "rate_limit_exceeded"
        assert int(refused.headers["Retry-After"]) >= 1

        sent += [send(light) for _ in range(2)]
        await until_waiting(4)
        metrics = (await call("metrics")).body.decode()
        assert 'jupyter_llm_requests_waiting{engine="echo",model="echo"} 4' in metrics
        full = await send(third)
        assert full.status == 503
        assert full.error["code"] == "overloaded"
        assert int(full.headers["Retry-After"]) >= 1

        script.decode.set()
        assert {(await task).status for task in sent} == {200}
