from __future__ import annotations

import re
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import serious_violations
from lab_page import SCREENSHOTS, SIZE, launched
from live import LiveServer
from playwright.async_api import Page, async_playwright, expect

from jupyter_llm.guide import GUIDE_PATH

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from playwright.async_api import ConsoleMessage, Locator

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("browser_and_panel")]

HERE = Path(__file__).parent
ODD_BASE = "--ServerApp.base_url=/user/a%40b/"


@pytest.fixture
def server() -> Iterator[LiveServer]:
    with LiveServer(ODD_BASE) as server:
        yield server


@asynccontextmanager
async def browser_page(server: LiveServer) -> AsyncGenerator[Page]:
    """A browser that has not logged in.

    What it complains of, such as a breach of the page's policy, and requests to other sites
    fail the test.
    """
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        page = await (await browser.new_context(viewport=SIZE)).new_page()
        complaints: list[str] = []
        own = server.server_url.partition("/user/")[0], "data:"
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if is_error(line) else None)
        page.on(
            "request",
            lambda request: None if request.url.startswith(own) else complaints.append(request.url),
        )
        yield page
        await browser.close()
    assert complaints == []


def is_error(line: ConsoleMessage) -> bool:
    """Not that the Hub cannot be reached, which it cannot from everywhere."""
    return line.type == "error" and "502" not in line.text


async def log_in(page: Page, server: LiveServer) -> None:
    """Go to the page as somebody does who has a bookmark of it and the server's token."""
    await page.goto(f"{server.url}/admin/")
    await page.locator("#password_input").fill(server.token)
    await page.locator("#login_submit").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Language models")
    assert page.url == f"{server.url}/admin/"


def model(page: Page, model_id: str) -> Locator:
    return page.locator(f'[data-model="{model_id}"]')


async def look(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for suffix, scheme in (("", "light"), ("-dark", "dark")):
        await page.emulate_media(color_scheme=scheme)
        await page.screenshot(path=SCREENSHOTS / f"{name}{suffix}.png", full_page=True)
        assert await serious_violations(page, "body") == []


async def test_an_operator_sees_to_models_and_keys(server: LiveServer) -> None:
    async with browser_page(server) as page:
        await log_in(page, server)

        await page.get_by_role("button", name="Load: guide").click()
        await expect(model(page, "guide")).to_have_attribute("data-state", "ready", timeout=30_000)
        server.json("v1/completions", {"model": "guide", "prompt": "Hello", "max_tokens": 5})
        users = page.get_by_role("region", name="Notebook servers that hold models")
        await expect(users).to_contain_text("(this server)", timeout=30_000)
        use = page.get_by_role("region", name="Use by model")
        await expect(use).to_contain_text("guide", timeout=30_000)
        asked = page.get_by_role("img", name=re.compile("^Requests: .+: 1$"))
        await expect(asked).to_be_visible(timeout=30_000)
        await expect(page.get_by_role("region", name="Use by user")).to_contain_text("token")
        await page.get_by_label("How far to look back").select_option("Last 7 days")
        bars = page.locator(".jp-LLM-chart").first.locator(".jp-LLM-chart-bar")
        await expect(bars).not_to_have_count(24, timeout=30_000)
        # of seven days the first and the last may not be whole
        assert await bars.count() in {7, 8}

        await page.get_by_label("Name of a new key").fill("my app")
        await page.get_by_role("button", name="Create key").click()
        secret = await page.get_by_label("The key “my app”").input_value()
        key = {"Authorization": f"Bearer {secret}"}
        assert server.open("v1/models", headers=key).status == 200
        assert server.open("unload", {"model": "guide"}, headers=key).status == 403
        await look(page, "admin-page")

        await page.get_by_role("button", name="Done").click()
        await page.get_by_role("button", name="Revoke my app").click()
        await page.get_by_role("button", name="Revoke my app now").click()
        await expect(page.locator('[data-key="my app"]')).to_have_count(0)
        assert server.open("v1/models", headers=key).status == 401

        await page.get_by_role("button", name="Unload: guide").click()
        await expect(model(page, "guide")).to_have_attribute(
            "data-state", "unloaded", timeout=30_000
        )


async def test_a_model_is_deleted_from_its_menu_and_another_tab_sees_it_go(tmp_path: Path) -> None:
    path = shutil.copy(GUIDE_PATH, tmp_path / "spare.gguf")
    with LiveServer(ODD_BASE, f"--LLMExtension.models_dir={tmp_path}") as server:
        async with browser_page(server) as page:
            await log_in(page, server)
            other = await page.context.new_page()
            await other.goto(page.url)
            await expect(model(other, "spare")).to_be_visible()

            more = page.get_by_role("button", name="More: spare", exact=True)
            await more.click()
            await page.get_by_role("menuitem", name="Load with Options…").click()
            await page.get_by_label("Context length").fill("512")
            await page.get_by_role("button", name="Load: spare with these options").click()
            await expect(model(page, "spare")).to_have_attribute("data-state", "ready")
            await expect(model(page, "spare")).to_contain_text("512 tokens")

            await more.click()
            await look(page, "admin-menu")
            await page.get_by_role("menuitem", name="Delete from Disk…").click()
            dialog = page.get_by_role("dialog")
            await expect(dialog).to_contain_text("Unload it first")
            await dialog.get_by_role("button", name="Close").click()
            await page.get_by_role("button", name="Unload: spare").click()
            await expect(model(page, "spare")).to_have_attribute("data-state", "unloaded")

            await more.focus()
            await page.keyboard.press("Enter")
            await page.get_by_role("menuitem", name="Delete from Disk…").click()
            await expect(dialog).to_contain_text(str(path))
            await look(page, "admin-delete")
            await page.keyboard.press("Escape")
            await expect(dialog).to_have_count(0)
            await expect(more).to_be_focused()
            assert path.exists()

            await more.click()
            await page.get_by_role("menuitem", name="Delete from Disk…").click()
            await dialog.get_by_role("button", name="Delete").click()
            await expect(page.get_by_role("status").get_by_text("is deleted")).to_be_visible()
            for tab in (page, other):
                await expect(model(tab, "spare")).to_have_count(0)
            assert not path.exists()


async def test_who_may_only_look_sees_no_button_that_would_fail() -> None:
    options = "--ServerApp.authorizer_class=read_only.ReadOnlyModels", "--LLMExtension.preload=True"
    with LiveServer(ODD_BASE, *options, env={"PYTHONPATH": str(HERE)}) as server:
        async with browser_page(server) as page:
            await log_in(page, server)
            await expect(model(page, "guide")).to_have_attribute(
                "data-state", "ready", timeout=30_000
            )
            await expect(page.get_by_role("heading", name="Server", exact=True)).to_be_visible()
            for name in ("Load", "Unload", "Download", "Create key", "Revoke"):
                await expect(page.get_by_role("button", name=name)).to_have_count(0)
            await page.get_by_role("button", name="More: guide").click()
            await expect(page.get_by_role("menuitem")).to_have_text(["Copy Name"])
