from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_server.auth import Authorizer

from jupyter_llm.errors import EngineDiedError
from jupyter_llm.registry.keys import Grant, KeyStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from conftest import Call
    from jupyter_server.auth import User
    from jupyter_server.base.handlers import JupyterHandler
    from scripted import Script

    from jupyter_llm.app import LLMExtension

    Use = Callable[[], Awaitable[None]]

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}
METRICS = "api/admin/metrics"
ROUTES = ("summary", "models", "users", "timeseries", "requests")
HOUR_S = 3600


class OnlyReading(Authorizer):
    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> bool:
        del handler, user
        return resource != "llm" or action == "read"


@pytest.fixture
def key(jp_data_dir: Path) -> dict[str, str]:
    store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
    _, secret = store.create("app", Grant())
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def use(script: Script, call: Call, extension: LLMExtension, key: dict[str, str]) -> Use:
    """Makes two requests with the server's own token, and one of an application that fails."""

    async def use() -> None:
        for _ in range(2):
            assert (await call("v1/chat/completions", CHAT)).status == 200
        script.tokens, script.error = (), EngineDiedError("It stopped.")
        assert (await call("v1/chat/completions", CHAT, auth=key)).status >= 500
        await extension.recorder._write()

    return use


async def get(call: Call, path: str) -> Any:
    answer = await call(f"{METRICS}/{path}")
    assert answer.status == 200, answer.json
    return answer.json


class TestUse:
    async def test_is_summed_up(self, use: Use, call: Call) -> None:
        await use()
        summary = await get(call, "summary")
        assert (summary["num_requests"], summary["num_failed"]) == (3, 1)
        assert summary["num_completion_tokens"] > 0
        assert min(summary["mean_duration_s"], summary["mean_first_token_s"]) > 0
        assert (summary["num_models"], summary["num_users"], summary["num_running"]) == (1, 2, 0)
        assert 23 * HOUR_S <= time.time() - summary["since"] < 24 * HOUR_S

    async def test_is_told_of_models_and_of_users(self, use: Use, call: Call) -> None:
        await use()
        (model,) = (await get(call, "models"))["models"]
        assert (model["id"], model["num_requests"], model["num_failed"]) == ("echo", 3, 1)
        owner, app = (await get(call, "users?hours=1"))["users"]
        assert (owner["num_requests"], owner["num_failed"]) == (2, 0)
        assert (app["num_requests"], app["num_failed"]) == (1, 1)
        assert "app" in app["user"]
        assert app["mean_first_token_s"] is None

    async def test_is_told_hour_by_hour_and_day_by_day(self, use: Use, call: Call) -> None:
        await use()
        hours = await get(call, "timeseries?hours=48")
        assert len(hours["points"]) == 48
        assert {point["at"] % HOUR_S for point in hours["points"]} == {0}
        assert [point["num_requests"] for point in hours["points"]][-2:] in ([0, 3], [3, 0])
        days = await get(call, "timeseries?hours=48&step=day")
        assert days["step_s"] == 24 * HOUR_S
        assert len(days["points"]) in {2, 3}
        assert sum(point["num_requests"] for point in days["points"]) == 3

    async def test_is_told_request_by_request(self, use: Use, call: Call) -> None:
        await use()
        last, *others = (await get(call, "requests"))["requests"]
        assert [one["outcome"] for one in (last, *others)] == ["engine_died", "stop", "stop"]
        assert (last["first_token_s"], last["num_prompt_tokens"]) == (None, 0)
        assert others[0]["duration_s"] >= others[0]["first_token_s"] > 0
        assert len((await get(call, "requests?limit=2"))["requests"]) == 2


async def test_where_nothing_was_asked_there_is_nothing(call: Call) -> None:
    summary = await get(call, "summary")
    assert (summary["num_requests"], summary["mean_first_token_s"]) == (0, None)
    assert (await get(call, "users"))["users"] == []
    assert len((await get(call, "timeseries?hours=3"))["points"]) == 3


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("summary?hours=0", "hours"),
        ("models?hours=2161", "hours"),
        ("users?hours=x", "hours"),
        ("timeseries?hours=\u0663", "hours"),
        ("timeseries?step=week", "step"),
        ("requests?limit=1001", "limit"),
    ],
)
async def test_what_cannot_be_told_is_refused(call: Call, path: str, param: str) -> None:
    answer = await call(f"{METRICS}/{path}")
    assert (answer.status, answer.error["param"]) == (400, param)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_key_of_some_models_is_told_nothing_of_the_others(
    call: Call, jp_data_dir: Path, route: str
) -> None:
    store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
    _, secret = store.create("few", Grant(models=("echo",)))
    auth = {"Authorization": f"Bearer {secret}"}
    assert (await call(f"{METRICS}/{route}", auth=auth)).status == 403


class TestWhoMayOnlyRead:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["authorizer_class"] = OnlyReading
        return jp_server_config

    @pytest.mark.parametrize("route", ROUTES)
    async def test_is_told_of_no_other_user(self, call: Call, route: str) -> None:
        expected = 403 if route in {"users", "requests"} else 200
        assert (await call(f"{METRICS}/{route}")).status == expected
