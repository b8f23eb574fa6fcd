from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Call

ORIGIN = "https://app.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}
CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}


async def preflight(call: Call) -> Any:
    return await call("v1/chat/completions", method="OPTIONS", auth={}, headers=PREFLIGHT)


class TestWithAnAllowedOrigin:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["allow_origin"] = ORIGIN
        return jp_server_config

    async def test_the_preflight_of_openais_browser_client_passes(self, call: Call) -> None:
        answer = await preflight(call)

        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "x-stainless-lang" in answer.headers["Access-Control-Allow-Headers"]

    async def test_the_request_itself_passes(self, call: Call) -> None:
        answer = await call("v1/chat/completions", CHAT, headers={"Origin": ORIGIN})

        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN

    @pytest.mark.parametrize("auth", [None, {}], ids=["authenticated", "stranger"])
    async def test_a_page_can_read_errors_too(self, call: Call, auth: Any) -> None:
        answer = await call("v1/chat/completions", {}, auth=auth, headers={"Origin": ORIGIN})

        assert answer.status == (401 if auth == {} else 400)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_without_an_allowed_origin_the_preflight_allows_none(call: Call) -> None:
    answer = await preflight(call)

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "x-stainless-lang" not in answer.headers["Access-Control-Allow-Headers"]
