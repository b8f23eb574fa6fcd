"""The widgets in a browser: JupyterLab, Notebook 7 and Voilà, with a real server and model."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from axe import look
from held_echo import HOLDING
from lab_page import opened
from playwright.async_api import Locator, Page, expect

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(Path(__file__).parents[1] / "hub"))

from hub_server import Hub  # found in the folder above

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from held_echo import Hold
    from lab_page import LabPage
    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

START_MS, ANSWER_MS = 90_000, 60_000
OUTPUT = ".jp-OutputArea-output .widget-box"
# of Notebook 7.6 itself, also with every extension switched off
NOTEBOOK_ERRORS = ("Cannot read properties of undefined (reading 'schema')",)
SAYS_COPIED = "document.body.innerText.includes('Copied')"
CODE = "Write a loop.\n\n```python\nfor i in range(3):\n    print(i)\n```\n"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as server:
        server.add("jupyter-llm/guide-GGUF", {"small-guide-F16.gguf": GUIDE_PATH.read_bytes()})
        yield server


@pytest.fixture(scope="module")
def lab(
    hub: Hub,
    hold: Hold,
    new_lab: Callable[..., LiveServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    options = (
        f"--LLMExtension.models_dir={tmp_path_factory.mktemp('models')}",
        "--LLMExtension.default_temperature=0",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        HOLDING,
    )
    with new_lab(*options, env={"HF_ENDPOINT": hub.url, **hold.environment}) as server:
        yield server


def write_notebook(lab: LiveServer, name: str, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, lab.home / "notebooks" / name)


@asynccontextmanager
async def shown(lab: LiveServer, name: str, *cells: str) -> AsyncGenerator[LabPage]:
    """A notebook in JupyterLab whose cells have been run."""
    write_notebook(lab, f"{name}.ipynb", *cells)
    async with opened(lab) as page:
        await page.run_command("docmanager:open", path=f"{name}.ipynb", factory="Notebook")
        await page.run_command("application:toggle-left-area")
        await page.run_notebook()
        yield page


async def test_a_model_is_picked_downloaded_and_loaded(lab: LiveServer, hub: Hub) -> None:
    code = "from jupyter_llm.widgets import *", "picker = ModelPicker()\npicker"
    async with shown(lab, "picker", *code) as page:
        tab = page.page
        search = tab.get_by_label("Search Hub")
        await search.fill("guide", timeout=START_MS)
        await search.press("Enter")
        files = tab.get_by_role("combobox", name="File")
        await expect(files).to_contain_text("F16", timeout=30_000)
        hub.bytes_per_s, hub.keeps_end = 200_000, True
        await tab.get_by_role("button", name="Download").click()
        await expect(tab.get_by_role("button", name="Cancel")).to_be_visible()
        await expect(tab.get_by_text(re.compile("[kM]B of 6.63 MB"))).to_be_visible(timeout=30_000)
        await look(page, "widget-picker", OUTPUT)
        await tab.get_by_role("button", name="Cancel").click()
        await expect(tab.get_by_text("cancelled")).to_be_visible()
        hub.bytes_per_s, hub.keeps_end = 0, False
        await tab.get_by_role("button", name="Resume").click()
        await expect(tab.get_by_text("done", exact=True)).to_be_visible(timeout=20_000)
        models = tab.get_by_role("combobox", name="Model")
        await models.select_option("small-guide-F16")
        await tab.get_by_role("button", name="Load", exact=True).click()
        await expect(models).to_contain_text("small-guide-F16 · ready", timeout=30_000)
        await expect(tab.get_by_role("button", name="Unload")).to_be_enabled()
        lab.json("unload", {"model": "small-guide-F16"})
        await expect(models).not_to_contain_text("ready")


async def test_a_chat_answers_stops_edits_and_puts_code_into_a_cell(
    lab: LiveServer, hold: Hold
) -> None:
    code = "from jupyter_llm.widgets import *", "chat = Chat('guide')\nchat"
    async with shown(lab, "chat", *code) as page:
        tab = page.page
        prompt = tab.get_by_role("textbox", name="Ask the model")
        await prompt.fill("How do I load a model?", timeout=START_MS)
        await prompt.press("Enter")
        answers = tab.locator(".llm-turns .llm-assistant")
        await expect(answers).to_contain_text("tokens/s", timeout=ANSWER_MS)
        await expect(prompt).to_be_focused()
        await tab.get_by_role("button", name="Edit the question").click()
        edited = tab.get_by_role("textbox", name="Edit the question")
        await edited.fill("What is GGUF?")
        await edited.press("Enter")
        await expect(answers).to_contain_text("llama.cpp", timeout=ANSWER_MS)

        await tab.get_by_role("combobox", name="Model").select_option(label="echo")
        await prompt.fill(CODE)
        await prompt.press("Enter")
        await expect(answers).to_have_count(2, timeout=ANSWER_MS)
        await tab.get_by_role("button", name="Settings").click()
        await tab.get_by_label("Temperature").check()
        await look(page, "widget-chat", OUTPUT)
        await tab.get_by_role("button", name="Put the code into a new cell").click()
        cells = tab.locator(".jp-Notebook .jp-CodeCell")
        await expect(cells).to_have_count(3)
        await expect(cells.nth(2)).to_contain_text("for i in range(3):")
        # looked for before it is there: it says so for two seconds
        copied = asyncio.create_task(tab.wait_for_function(SAYS_COPIED))
        await tab.get_by_role("button", name="Copy the code").click()
        await copied

        hold.begin()
        await prompt.fill("word " * 100)
        await prompt.press("Enter")
        await expect(tab.locator('[aria-busy="true"] .llm-body')).to_contain_text(
            "word", timeout=ANSWER_MS
        )
        await prompt.press("Escape")
        await expect(answers.nth(2)).to_contain_text("stopped", timeout=ANSWER_MS)
        hold.end()
        lab.json("unload", {"model": "echo"})


async def test_memory_and_comparison_are_shown(lab: LiveServer) -> None:
    columns = "['guide', {'model': 'guide', 'temperature': 1.5, 'seed': 7}]"
    code = (
        "from jupyter_llm.widgets import *",
        "MemoryMonitor()",
        f"compare = Compare({columns})\ncompare",
    )
    async with shown(lab, "memory", *code) as page:
        tab = page.page
        chart = tab.get_by_role("img", name="System memory")
        await expect(chart).to_be_visible(timeout=START_MS)
        prompt = tab.get_by_role("textbox", name="Ask all of them")
        await prompt.fill("What is GGUF?")
        await prompt.press("Enter")
        await expect(tab.locator(".llm-turns .llm-assistant")).to_have_count(2, timeout=ANSWER_MS)
        await expect(tab.get_by_role("cell", name="guide")).to_be_visible()
        await look(page, "widget-memory-and-comparison", OUTPUT)


async def test_notebook_and_voila_show_a_chat_too(lab: LiveServer) -> None:
    write_notebook(lab, "other.ipynb", "from jupyter_llm.widgets import Chat\nChat('guide')")
    async with opened(lab, "notebooks/other.ipynb", known_errors=NOTEBOOK_ERRORS) as page:
        await page.run_notebook()
        await ask(page.page)
        await page.screenshot("widget-notebook-7")
        await page.page.goto(f"{lab.server_url}voila/render/other.ipynb?token={lab.token}")
        await ask(page.page)
        await page.screenshot("widget-voila")


async def ask(tab: Page) -> Locator:
    prompt = tab.get_by_role("textbox", name="Ask the model")
    await prompt.fill("What is GGUF?", timeout=START_MS)
    await prompt.press("Enter")
    answer = tab.locator(".llm-turns .llm-assistant")
    await expect(answer).to_contain_text("llama.cpp", timeout=ANSWER_MS)
    return answer
