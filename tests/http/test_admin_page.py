from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jupyter_llm.handlers import admin_page

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Call
    from jupyter_server.serverapp import ServerApp

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NOBODY: dict[str, str] = {}


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Files in the place of those that Node.js builds."""
    (tmp_path / "admin.js").write_text("void 0")
    (tmp_path / "secret.txt").write_text("no file of the page")
    monkeypatch.setattr(admin_page, "_ASSETS", tmp_path)
    return tmp_path


async def test_the_page_loads_nothing_from_elsewhere(call: Call) -> None:
    answer = await call("admin/")

    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"//" not in answer.body
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy


async def test_the_page_brings_the_cookie_that_a_change_needs(
    call: Call, session: dict[str, str]
) -> None:
    answer = await call("admin/", auth=session)

    assert "_xsrf=" in answer.headers["Set-Cookie"]


async def test_nothing_but_its_files_is_served(call: Call) -> None:
    script = await call("admin/admin.js")
    assert (script.status, script.body) == (200, b"void 0")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert (await call("admin/secret.txt")).status == 404
    assert (await call("admin/..%2Fapp.py")).status == 404


async def test_a_source_tree_without_it_says_how_it_is_built(call: Call, built: Path) -> None:
    (built / "admin.js").unlink()
    for path in ("admin/", "admin/admin.js"):
        answer = await call(path)
        assert answer.status == 501
        assert "make panel" in answer.error["message"]


@pytest.mark.parametrize("path", ["admin/", "swagger-ui"])
async def test_a_browser_that_is_not_logged_in_is_led_to_the_login_and_back(
    call: Call, llm_server: ServerApp, http_server_client: Any, path: str
) -> None:
    here = f"{llm_server.base_url}llm/{path}"
    login = await http_server_client.fetch(
        f"{here}?token=not-this-one", headers=BROWSER, raise_error=False, follow_redirects=False
    )
    assert login.code == 302
    target = urlsplit(login.headers["Location"])
    assert target.path == f"{llm_server.base_url}login"
    assert parse_qs(target.query) == {"next": [here]}


@pytest.mark.parametrize("path", ["admin/", "admin", "swagger-ui"])
@pytest.mark.parametrize(
    "headers",
    [{"Accept": "application/json"}, {**BROWSER, "Authorization": "Bearer wrong"}],
    ids=["no page wanted", "a wrong token"],
)
async def test_a_program_is_refused_in_words(
    call: Call, path: str, headers: dict[str, str]
) -> None:
    answer = await call(path, auth=NOBODY, headers=headers)

    assert answer.status == 401
    assert answer.error["code"] == "invalid_api_key"


async def test_the_page_is_found_without_its_last_slash(
    llm_server: ServerApp, http_server_client: Any, jp_auth_header: dict[str, str]
) -> None:
    base = f"{llm_server.base_url}llm/admin"
    answer = await http_server_client.fetch(
        base, headers=jp_auth_header, raise_error=False, follow_redirects=False
    )
    assert answer.code == 302
    assert answer.headers["Location"] == f"{base}/"
