from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import look, serious_violations
from lab_page import opened
from playwright.async_api import expect

from jupyter_llm.guide import GUIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

HERE = Path(__file__).parent
PANEL = "#jp-llm-models"


async def test_a_model_is_loaded_and_unloaded(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.expect_state("guide", "unloaded")
        await page.press("Load", "guide")
        await page.expect_state("guide", "ready")
        await page.press("Unload", "guide")
        await page.expect_state("guide", "unloaded")


async def test_the_panel_follows_what_others_do(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.expect_state("echo", "unloaded")
        lab.json("load", {"model": "echo"})
        await page.expect_state("echo", "ready")
        lab.json("unload", {"model": "echo"})
        await page.expect_state("echo", "unloaded")


async def test_axe_finds_what_is_not_accessible(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.page.evaluate(
            "document.body.insertAdjacentHTML("
            "'beforeend', '<div id=here><button></button><input></div>')"
        )
        found = await serious_violations(page.page, "#here")
        assert {line.partition(":")[0] for line in found} == {"button-name", "label"}


async def test_the_memory_of_the_machine_is_shown(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        meter = page.panel.get_by_role("meter")
        assert int(await meter.get_attribute("aria-valuenow") or 0) > 0
        assert "by this server" in (await meter.get_attribute("aria-valuetext") or "")


async def test_the_way_to_a_real_model_is_shown_until_there_is_one(
    new_lab: Callable[..., LiveServer], tmp_path: Path
) -> None:
    with new_lab(f"--LLMExtension.models_dir={tmp_path}") as lab:
        async with opened(lab) as page:
            await page.open_panel()
            welcome = page.panel.get_by_role("region", name="First steps")
            await expect(welcome).to_contain_text(str(tmp_path))
            await page.screenshot("welcome")
            shutil.copy(GUIDE_PATH, tmp_path / "real.gguf")
            await page.panel.get_by_role("button", name="Refresh").click()
            await page.expect_state("real", "unloaded")
            await expect(welcome).to_have_count(0)


async def test_an_example_is_inserted_runs_and_answers(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.press("Try it", "guide")
        cells = page.page.locator(".jp-Notebook .jp-CodeCell")
        await expect(cells).to_have_count(2, timeout=30_000)
        await expect(cells.nth(0)).to_contain_text("%load_ext jupyter_llm")
        await expect(cells.nth(1)).to_contain_text("%%llm -m guide")
        await page.run_notebook()
        answer = cells.nth(1).locator(".jp-OutputArea-output")
        await expect(answer).to_contain_text("tokens/s", timeout=60_000)
        await look(page, "answer", PANEL)
        await page.press("Unload", "guide")
        await page.expect_state("guide", "unloaded")


async def test_an_example_goes_below_the_active_cell_of_an_open_notebook(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.run_command("notebook:create-new", kernelName="python3")
        cells = page.page.locator(".jp-Notebook .jp-CodeCell")
        await expect(cells).to_have_count(1)
        await page.run_command("llm:insert-example")
        await expect(cells).to_have_count(3)
        await expect(cells.nth(1)).to_contain_text("%load_ext jupyter_llm")
        await expect(cells.nth(1)).to_contain_class("jp-mod-active")
        await expect(cells.nth(2)).to_contain_text("%%llm")


async def test_everything_can_be_reached_by_keyboard(lab: LiveServer) -> None:
    async with opened(lab) as page:
        found = page.page.locator('.lm-CommandPalette-item[data-command="llm:show-panel"]')
        async with asyncio.timeout(60):
            # a Lab that still restores its layout takes the focus away again
            while not await found.is_visible():
                await page.page.keyboard.press("Escape")
                await page.page.keyboard.press("Control+Shift+C")
                await expect(page.page.locator(".lm-CommandPalette-input")).to_be_focused()
                await page.page.keyboard.type("show language models")
                await page.page.wait_for_timeout(1000)
        await expect(found).to_contain_class("lm-mod-active")
        await page.page.keyboard.press("Enter")
        await page.expect_state("echo", "unloaded")
        await page.panel.get_by_role("button", name="Load: echo", exact=True).press("Enter")
        await page.expect_state("echo", "ready")
        await page.panel.get_by_role("button", name="Unload: echo", exact=True).press("Space")
        await page.expect_state("echo", "unloaded")


async def test_who_may_not_load_sees_no_button_for_it(new_lab: Callable[..., LiveServer]) -> None:
    authorizer = "--ServerApp.authorizer_class=read_only.ReadOnlyModels"
    with new_lab(
        authorizer, env={"PYTHONPATH": f"{HERE}:{os.environ.get('PYTHONPATH', '')}"}
    ) as lab:
        async with opened(lab) as page:
            await page.open_panel()
            await page.expect_state("echo", "unloaded")
            await expect(page.model("echo").get_by_role("button")).to_have_count(1)


async def test_a_server_without_the_extension_is_said_to_be_one(
    new_lab: Callable[..., LiveServer],
) -> None:
    with new_lab("--ServerApp.jpserver_extensions={'jupyter_llm': False}") as lab:
        async with opened(lab) as page:
            await page.open_panel()
            await expect(page.panel.get_by_role("alert")).to_contain_text(
                "does not run jupyter-llm"
            )
