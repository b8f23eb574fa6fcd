from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import look, serious_violations
from busy import kept_busy
from lab_page import opened
from playwright.async_api import expect

from jupyter_llm.guide import GUIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab_page import LabPage
    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

HERE = Path(__file__).parent
PANEL = "#jp-llm-models"
ACTIVATION_BOUND_MS = 50
# the app is there before its plugins are activated: wrap them then
MEASURE_ACTIVATION = """
window.activationTimes = {};
Object.defineProperty(window, 'jupyterapp', {
  configurable: true,
  get: () => window.theApp,
  set: app => {
    window.theApp = app;
    for (const [id, data] of app.pluginRegistry._plugins) {
      const [scope, name] = id.split(':');
      if (scope === '@jupyter-llm/labextension') {
        const activate = data.activate;
        data.activate = (...needed) => {
          const begun = performance.now();
          const made = activate(...needed);
          window.activationTimes[name] = performance.now() - begun;
          return made;
        };
      }
    }
  }
});
"""


async def test_a_model_is_loaded_asked_about_kept_and_unloaded(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.expect_state("guide", "unloaded")
        # which Lab gives the focus to, sooner or later
        await expect(page.page.locator(".jp-Launcher")).to_be_focused(timeout=30_000)
        await page.panel.get_by_role("button", name="Load: guide").press("Enter")
        await page.expect_state("guide", "ready")
        # the same model in another list: the keyboard's place is kept
        await expect(page.panel.get_by_role("button", name="Unload: guide")).to_be_focused()
        await expect(page.panel.get_by_role("status").first).to_have_text("guide is ready")
        await page.panel.get_by_role("combobox", name="How long guide").select_option("-1")
        await expect(page.model("guide")).not_to_contain_text("left")
        await look(page, "loaded", PANEL)
        await page.press("Unload", "guide")
        await page.expect_state("guide", "unloaded")


async def test_a_model_is_loaded_with_options_that_are_remembered(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.choose("Load with Options…", "guide")
        form = page.panel.get_by_role("form", name="Load options of guide")
        await expect(form.get_by_label("Context length")).to_be_focused()
        # not by the keyboard: Lab gives the focus to its launcher some time after the start
        await form.get_by_label("Context length").fill("512")
        await form.get_by_label("Slots").fill("2")
        await form.get_by_label("KV cache type").select_option("q8_0")
        await form.get_by_label("Guess ahead").select_option("prompt_lookup")
        await form.get_by_label("Remember for this model").check()
        await look(page, "options", PANEL)
        await form.get_by_role("button", name="Load: guide with these options").click()
        await page.expect_state("guide", "ready")
        await expect(page.model("guide")).to_contain_text("0 of 2 running")
        await expect(page.model("guide")).to_contain_text("512 tokens")
        saved = lab.json("api/admin/models/guide/settings")["options"]
        assert (saved["slots"], saved["speculation"]) == (2, "prompt_lookup")

        await page.choose("Load with Options…", "guide")
        await expect(form.get_by_label("Context length")).to_have_value("512")
        await page.page.keyboard.press("Escape")
        await expect(form).to_have_count(0)
        await page.press("Unload", "guide")
        await page.expect_state("guide", "unloaded")
        lab.json("api/admin/models/guide/settings", method="DELETE")


async def test_two_tabs_agree_on_a_switch_and_on_a_busy_model(lab: LiveServer) -> None:
    async with opened(lab) as page, opened(lab) as other:
        await page.open_panel()
        await other.open_panel()
        await page.choose("Switch to This Model", "echo")
        for tab in (page, other):
            await tab.expect_state("echo", "ready")
            await expect(tab.model("echo")).to_contain_text("default")
        await other.choose("Switch to This Model", "guide")
        for tab in (page, other):
            await tab.expect_state("guide", "ready")
            await expect(tab.model("guide")).to_contain_text("default")
            await tab.expect_state("echo", "unloaded")

        async with kept_busy(lab, "guide"):
            for tab in (page, other):
                await expect(tab.model("guide")).to_contain_text("tokens/s", timeout=30_000)
                await expect(tab.model("guide")).to_contain_text("1 of", timeout=30_000)
            await page.screenshot("busy")
        await expect(page.model("guide")).to_contain_text("idle", timeout=30_000)
        await page.press("Unload", "guide")
        await other.expect_state("guide", "unloaded")


async def test_the_panel_survives_a_restart_of_the_server(
    new_lab: Callable[..., LiveServer],
) -> None:
    with new_lab() as lab:
        async with opened(lab) as page:
            await page.open_panel()
            await page.press("Load", "echo")
            await page.expect_state("echo", "ready")
            lab.stop()
            note = page.panel.get_by_role("alert").filter(has_text="does not answer")
            await expect(note).to_be_visible(timeout=30_000)
            await page.screenshot("offline")
            assert await serious_violations(page.page, PANEL) == []
            await asyncio.to_thread(lab.start_again)
            await expect(note).to_have_count(0, timeout=60_000)
            await page.expect_state("echo", "unloaded")
            lab.json("load", {"model": "echo"})
            await page.expect_state("echo", "ready")


async def test_activation_takes_no_time(lab: LiveServer) -> None:
    async with opened(lab, before=MEASURE_ACTIVATION) as page:
        times = await activation_times(page)
        for _ in range(4):
            # other programs on the machine can make one start slow, but not each
            if max(times.values()) > ACTIVATION_BOUND_MS:
                await page.reload()
                times = await activation_times(page)
        assert {"manager", "panel"} <= times.keys()
        assert max(times.values()) <= ACTIVATION_BOUND_MS, times


async def activation_times(page: LabPage) -> dict[str, float]:
    """Milliseconds that each plugin took, by its name."""
    times: dict[str, float] = await page.page.evaluate("window.activationTimes")
    return times


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
    models_dir = f"--LLMExtension.models_dir={tmp_path}"
    with new_lab(models_dir, settings={"suggestions": []}) as lab:
        async with opened(lab) as page:
            await page.open_panel()
            welcome = page.panel.get_by_role("region", name="First steps")
            await expect(welcome).to_contain_text(str(tmp_path))
            shutil.copy(GUIDE_PATH, tmp_path / "real.gguf")
            await page.panel.get_by_role("button", name="Refresh").click()
            await page.expect_state("real", "unloaded")
            await expect(welcome).to_have_count(0)


async def test_an_example_is_inserted_runs_and_answers(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.choose("Ask in a Notebook", "guide")
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
        await page.new_notebook()
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
                await page.page.locator(".lm-CommandPalette-input").focus()
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
            await expect(page.panel.get_by_role("button", name="Load")).to_have_count(0)
            await expect(page.panel.get_by_role("button", name="Find models")).to_have_count(0)
            await page.model("echo").get_by_role("button", name="More: echo").click()
            menu = page.page.locator(".lm-Menu")
            await expect(menu.get_by_role("menuitem")).to_have_text(["Copy Name"])
            await page.page.keyboard.press("Escape")
            await look(page, "read-only", PANEL)


async def test_a_server_without_the_extension_is_said_to_be_one(
    new_lab: Callable[..., LiveServer],
) -> None:
    with new_lab("--ServerApp.jpserver_extensions={'jupyter_llm': False}") as lab:
        async with opened(lab) as page:
            await page.open_panel()
            await expect(page.panel.get_by_role("alert")).to_contain_text(
                "does not run jupyter-llm"
            )
