from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_page import SCREENSHOTS, SIZE, launched
from playwright.async_api import Page, async_playwright, expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from live import LiveServer

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("browser_and_panel")]

OPERATION = "#operations-OpenAI-post_v1_chat_completions"


@asynccontextmanager
async def page_of(server: LiveServer) -> AsyncGenerator[Page]:
    """Swagger UI in a browser; what it complains of, and requests to other sites, fail the test."""
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        page = await browser.new_page(viewport=SIZE)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: complaints.append(line.text) if line.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((server.server_url, "data:"))
                else complaints.append(request.url)
            ),
        )
        await page.goto(f"{server.url}/swagger-ui?token={server.token}")
        yield page
        await browser.close()
    assert complaints == []


async def test_a_request_is_tried_out_with_the_browsers_session(live_server: LiveServer) -> None:
    async with page_of(live_server) as page:
        await page.goto(f"{live_server.url}/swagger-ui")
        operation = page.locator(OPERATION)
        await expect(operation).to_be_visible(timeout=30_000)
        await page.screenshot(path=_screenshot("swagger-ui"))
        await operation.locator(".opblock-summary-control").click()
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response .response-col_status")
        await expect(answer).to_contain_text("200", timeout=60_000)
        await expect(operation.locator(".live-responses-table")).to_contain_text("chat.completion")
        await operation.locator(".live-responses-table").scroll_into_view_if_needed()
        await page.screenshot(path=_screenshot("swagger-ui-answer"))


def _screenshot(name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
