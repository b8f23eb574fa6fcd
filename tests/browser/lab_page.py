"""A JupyterLab in a browser, in the words of somebody who sits in front of it."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import (
    Browser,
    Error,
    Locator,
    Page,
    Playwright,
    async_playwright,
    expect,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from live import LiveServer

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
SIZE = {"width": 1280, "height": 800}
START_TIMEOUT_MS = 120_000
# what is expected comes at once on an idle machine, and at some time on a busy one
expect.set_options(timeout=30_000)
KERNEL_IS_IDLE = """() => {
  const session = window.jupyterapp.shell.currentWidget?.sessionContext;
  return session?.isReady && session.kernelDisplayStatus === 'idle';
}"""
CELL_HAS_EDITOR = """() => {
  const notebook = window.jupyterapp.shell.currentWidget;
  return notebook?.context?.isReady && !!notebook.content.activeCell?.editor;
}"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser() -> str | None:
    """The path of a Chromium; Playwright's own cannot be downloaded everywhere."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


class LabPage:
    """One browser tab with JupyterLab in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator("#jp-llm-models")

    async def open_panel(self) -> None:
        await self.page.get_by_role("tab", name="Language Models").click()
        await expect(self.panel).to_be_visible()

    def model(self, model_id: str) -> Locator:
        return self.panel.locator(f'[data-model="{model_id}"]')

    def download(self, repo_id: str) -> Locator:
        return self.panel.locator(f'[data-download="{repo_id}"]')

    async def press(self, label: str, model_id: str) -> None:
        await self.panel.get_by_role("button", name=f"{label}: {model_id}", exact=True).click()

    async def choose(self, label: str, model_id: str) -> None:
        """Take something from the menu of a model."""
        await self.panel.get_by_role("button", name=f"More: {model_id}", exact=True).click()
        await self.page.get_by_role("menuitem", name=label).click()

    async def expect_state(self, model_id: str, state: str) -> None:
        await expect(self.model(model_id)).to_have_attribute("data-state", state, timeout=30_000)

    async def run_command(self, command: str, **arguments: str) -> None:
        await self.page.evaluate(
            # what a command gives back, a notebook, say, cannot leave the page
            "async ([id, args]) => void await window.jupyterapp.commands.execute(id, args)",
            [command, arguments],
        )

    async def new_notebook(self) -> None:
        """Open one with an empty cell that takes text."""
        await self.run_command("notebook:create-new", kernelName="python3")
        await self.page.wait_for_function(CELL_HAS_EDITOR, timeout=START_TIMEOUT_MS)

    async def run_notebook(self) -> None:
        # JupyterLab drops what is run before the kernel is there
        await self.page.wait_for_function(KERNEL_IS_IDLE, timeout=START_TIMEOUT_MS)
        await self.run_command("notebook:run-all-cells")

    async def use_theme(self, name: str) -> None:
        await self.run_command("apputils:change-theme", theme=name)
        await expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", name)
        await expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    async def reload(self) -> None:
        # `?reset` would throw away where everything was
        await self.page.goto(self.page.url.split("?")[0])
        await until_started(self.page)

    @asynccontextmanager
    async def second_tab(self) -> AsyncGenerator[LabPage]:
        """The same JupyterLab in another tab of the same browser."""
        page = await self.page.context.new_page()
        # a second tab of one workspace would load itself anew to have one of its own
        await page.goto(f"{self.page.url.split('/lab')[0]}/lab/workspaces/second")
        await until_started(page)
        yield LabPage(page)
        await page.close()

    async def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


async def until_started(page: Page) -> None:
    """Wait until JupyterLab has started and has put everything where it was."""
    await page.wait_for_function("window.jupyterapp", timeout=START_TIMEOUT_MS)
    # Notebook 7 has no such promise
    await page.evaluate("window.jupyterapp.allPluginsActivated?.then(() => true)")
    await page.evaluate("window.jupyterapp.restored.then(() => true)")


@asynccontextmanager
async def opened(
    lab: LiveServer, path: str = "lab", *, before: str = "", known_errors: tuple[str, ...] = ()
) -> AsyncGenerator[LabPage]:
    """JupyterLab in a fresh browser; an exception in its scripts fails the test.

    The script `before` runs before those of the page. `known_errors` are those of others that
    cannot be helped.
    """
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        try:
            page = await _page_at(lab, path, browser, before, errors)
        except Error:
            if browser.is_connected():
                raise
            # Chromium itself crashes now and then when it starts
            browser = await launched(playwright)
            page = await _page_at(lab, path, browser, before, errors)
        yield LabPage(page)
        await browser.close()
    assert set(errors) <= set(known_errors), errors


async def launched(playwright: Playwright) -> Browser:
    # a browser that runs as root, as in most containers, has no sandbox to use
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await playwright.chromium.launch(executable_path=find_browser(), args=args)


async def _page_at(
    lab: LiveServer, path: str, browser: Browser, before: str, errors: list[str]
) -> Page:
    page = await (await browser.new_context(viewport=SIZE)).new_page()
    await page.add_init_script(before)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_navigation_timeout(START_TIMEOUT_MS)
    await page.goto(f"{lab.server_url}{path}?reset&token={lab.token}")
    await until_started(page)
    return page
