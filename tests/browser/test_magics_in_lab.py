"""The magics as somebody types them in JupyterLab."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import nbformat
import pytest
from lab_page import KERNEL_IS_IDLE, START_TIMEOUT_MS, LabPage, opened
from playwright.async_api import expect

if TYPE_CHECKING:
    from live import LiveServer
    from playwright.async_api import Locator

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

FENCE = "`" * 3
MENDED = "total = 1 + int('2')"
VERDICT = """\
from dataclasses import dataclass
from typing import Literal

@dataclass
class Verdict:
    verdict: Literal["good", "bad"]
"""
WEATHER = """\
def weather(city: str) -> str:
    "Tell the weather in a city."
    return f"sunny in {city}"
"""
CELLS = (
    "%load_ext jupyter_llm",
    VERDICT,
    "%%llm -m guide --schema Verdict\nIs that good?",
    WEATHER,
    "%%llm -m guide --tools weather --temperature 0 --no-history\nWhat is the weather in Paris?",
    "%llm doctor",
    f"wish = '''{FENCE}python\n{MENDED}\n{FENCE}'''",
    "total = 1 + '2'",
)
# none of these is waited for: opening may ask which kernel is meant, and a cell asks a question
OPEN = "() => { window.jupyterapp.commands.execute('docmanager:open', {path: 'magics.ipynb'}); }"
RUN = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def cell_of(page: LabPage, number: int) -> Locator:
    return page.page.locator(".jp-Notebook .jp-CodeCell").nth(number)


def output_of(page: LabPage, number: int) -> Locator:
    return cell_of(page, number).locator(".jp-OutputArea")


async def test_cells_ask_complete_and_mend(lab: LiveServer) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lab.home / "notebooks" / "magics.ipynb")
    async with opened(lab) as page:
        await page.page.evaluate(OPEN)
        await expect(page.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(len(CELLS))
        await _start_the_kernel(page)
        await page.page.evaluate(RUN)
        await _a_function_is_allowed(page)
        await expect(output_of(page, 2)).to_contain_text("Verdict(verdict=", timeout=60_000)
        await expect(output_of(page, 5).locator("table")).to_contain_text("engine llama_cpp")
        await _the_failed_cell_is_mended(page)
        await _tab_completes(page)
    for model in ("guide", "echo"):
        lab.json("unload", {"model": model})


async def _start_the_kernel(page: LabPage) -> None:
    """A Lab that does not know its kernels yet asks which one is meant."""
    select = page.page.locator(".jp-Dialog .jp-mod-accept")
    async with asyncio.timeout(60):
        while not await page.page.evaluate(KERNEL_IS_IDLE):
            if await select.is_visible():
                await select.click()
            await asyncio.sleep(0.3)


async def _a_function_is_allowed(page: LabPage) -> None:
    question = page.page.locator(".jp-Stdin-input")
    await expect(question).to_be_visible(timeout=60_000)
    await expect(output_of(page, 4)).to_contain_text("weather(city='Paris'). Run it?")
    await page.screenshot("magics-consent")
    await question.fill("y")
    await question.press("Enter")
    await expect(output_of(page, 4)).to_contain_text("The tool says", timeout=30_000)
    await page.screenshot("magics-tools")


async def _the_failed_cell_is_mended(page: LabPage) -> None:
    """Below the last cell, which fails, one more asks for help."""
    await expect(output_of(page, len(CELLS) - 1)).to_contain_text("TypeError", timeout=30_000)
    await _type_below(page, '%llm fix -m echo "{wish}"')
    await page.page.keyboard.press("Shift+Enter")
    mended = cell_of(page, len(CELLS) + 1)
    await expect(mended.locator(".cm-content")).to_contain_text(MENDED, timeout=30_000)
    await expect(output_of(page, len(CELLS))).to_contain_text("-total = 1 + '2'")
    for theme, suffix in (("JupyterLab Dark", "-dark"), ("JupyterLab Light", "")):
        await page.use_theme(theme)
        await page.screenshot(f"magics-fix{suffix}")


async def _tab_completes(page: LabPage) -> None:
    offered = page.page.locator(".jp-Completer-item")
    for typed, text in (("%llm s", "switch"), ("witch g", "guide")):
        if typed.startswith("%"):
            await _type_below(page, typed)
        else:
            await page.page.keyboard.type(typed)
        await page.page.keyboard.press("Tab")
        await expect(offered.filter(has_text=text)).to_be_visible(timeout=30_000)
        await page.screenshot(f"magics-tab-{text}")
        await page.page.keyboard.press("Escape")


async def _type_below(page: LabPage, text: str) -> None:
    await page.page.wait_for_function(KERNEL_IS_IDLE, timeout=START_TIMEOUT_MS)
    last = await page.page.locator(".jp-Notebook .jp-CodeCell").count() - 1
    await cell_of(page, last).locator(".cm-content").click()
    await page.run_command("notebook:insert-cell-below")
    await page.run_command("notebook:enter-edit-mode")
    await page.page.keyboard.type(text)
