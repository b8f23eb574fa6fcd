from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from busy import kept_busy
from lab_page import LabPage, opened
from playwright.async_api import Locator, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

HERE = Path(__file__).parent


def section(page: LabPage) -> Locator:
    return page.page.locator(".jp-RunningSessions-section").filter(
        has=page.page.locator('[data-context="jp-llm-model"]')
    )


def item(page: LabPage, model_id: str) -> Locator:
    models = page.page.locator('[data-context="jp-llm-model"]')
    return models.filter(has_text=model_id)


async def open_running(page: LabPage) -> None:
    await page.page.get_by_role("tab", name="Running Terminals and Kernels").click()


async def test_a_loaded_model_is_listed_with_what_runs_and_shut_down(lab: LiveServer) -> None:
    async with opened(lab) as page:
        status = page.page.locator(".jp-LLM-status-button")
        await open_running(page)
        await expect(status).to_have_count(0)

        lab.json("load", {"model": "guide"})
        await expect(item(page, "guide")).to_be_visible(timeout=30_000)
        await expect(item(page, "guide")).to_contain_text("MB")
        await expect(status).to_contain_text("guide · ")
        lab.json("load", {"model": "echo"})
        await expect(status).to_contain_text("2 models")
        await page.screenshot("running")
        await page.use_theme("JupyterLab Dark")
        await page.screenshot("running-dark")
        await page.use_theme("JupyterLab Light")

        await item(page, "guide").hover()
        await item(page, "guide").get_by_title("Unload").click()
        await expect(item(page, "guide")).to_have_count(0, timeout=30_000)
        await expect(status).to_contain_text("echo")
        assert lab.json("health")["models"][0]["id"] == "echo"

        await page.page.get_by_role("button", name="Unload All").click()
        await page.page.locator(".jp-Dialog").get_by_role("button", name="Unload All").click()
        await expect(item(page, "echo")).to_have_count(0, timeout=30_000)
        await expect(status).to_have_count(0)


async def test_the_status_bar_leads_to_the_panel_and_shows_how_fast_a_model_writes(
    lab: LiveServer,
) -> None:
    async with opened(lab) as page:
        lab.json("load", {"model": "guide"})
        status = page.page.get_by_role("button", name="Language models: guide")
        await status.click(timeout=30_000)
        await expect(page.panel).to_be_visible()
        async with kept_busy(lab, "guide"):
            await expect(status).to_contain_text("tokens/s", timeout=30_000)
            await page.screenshot("status-bar")
        # an answer that is over sooner than anybody can look has been seen, too
        await expect(status).not_to_contain_text("tokens/s", timeout=30_000)
        lab.json("v1/completions", {"model": "guide", "prompt": "Hello", "max_tokens": 5})
        await expect(status).to_contain_text("tokens/s", timeout=30_000)
        await page.press("Unload", "guide")
        await expect(status).to_have_count(0, timeout=30_000)


async def test_who_may_not_unload_gets_no_button_for_it(new_lab: Callable[..., LiveServer]) -> None:
    authorizer = "--ServerApp.authorizer_class=read_only.ReadOnlyModels"
    preload = "--LLMExtension.preload=True", "--LLMExtension.default_model=guide"
    with new_lab(authorizer, *preload, env={"PYTHONPATH": str(HERE)}) as lab:
        async with opened(lab) as page:
            await open_running(page)
            await expect(page.page.locator(".jp-LLM-status-button")).to_be_visible(timeout=30_000)
            await expect(section(page)).to_have_count(0)
