from __future__ import annotations

from typing import TYPE_CHECKING

from live import LiveServer

if TYPE_CHECKING:
    import pytest
    from conftest import Call
    from jupyter_server.serverapp import ServerApp
    from scripted import Script

SECRET = "do-not-tell-anybody"


def exercise(server: LiveServer) -> None:
    """Call the server in every way that might log something."""
    message = {"role": "user", "content": SECRET}
    for body in (
        {"model": "echo", "messages": [message]},
        {"model": "echo", "messages": [message], "stream": True},
        {"model": "echo", "messages": [{**message, "role": SECRET}]},
        {"model": "echo", "messages": [message], "stop": [SECRET] * 9},
        {"model": "echo", "messages": [{"role": "system", "content": SECRET}]},
        {"model": "echo", "messages": [message], SECRET: 1},
        {"model": "echo", "prompt": SECRET},
    ):
        for path in ("v1/chat/completions", "v1/completions"):
            with server.open(path, body) as response:
                response.read()
            with server.open(path, body, headers={"Authorization": f"Bearer {SECRET}"}) as response:
                assert response.status == 401


def test_a_servers_log_holds_neither_prompts_nor_keys() -> None:
    with LiveServer("--log-level=DEBUG") as server:
        exercise(server)
        with server.open(f"nowhere?token={server.token}", headers={"Authorization": ""}) as answer:
            assert answer.status == 404
        log = server.log

        assert "/llm/v1/chat/completions" in log
        assert "echo is ready" in log
        assert SECRET not in log
        assert server.token not in log


async def test_an_unforeseen_error_is_logged_without_prompt_and_token(
    script: Script, call: Call, caplog: pytest.LogCaptureFixture, llm_server: ServerApp
) -> None:
    script.tokens, script.error = (), ZeroDivisionError("boom")
    body = {"model": "echo", "messages": [{"role": "user", "content": SECRET}]}
    path = f"v1/chat/completions?token={llm_server.identity_provider.token}"
    caplog.clear()
    assert (await call(path, body)).status == 500
    assert (await call(path, {**body, "stream": True})).status == 500

    assert "boom" in caplog.text
    assert SECRET not in caplog.text
    assert llm_server.identity_provider.token not in caplog.text
