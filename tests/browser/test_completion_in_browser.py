from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from lab_page import opened
from playwright.async_api import expect

from jupyter_llm.guide import GUIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from live import LiveServer
    from playwright.async_api import Request

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine


async def test_a_loaded_model_suggests_and_tab_accepts(
    new_lab: Callable[..., LiveServer], tmp_path: Path
) -> None:
    shutil.copy(GUIDE_PATH, tmp_path / "writer.gguf")
    asked: list[dict[str, object]] = []

    def note(request: Request) -> None:
        if "/v1/completions" in request.url:
            asked.append(request.post_data_json)

    with new_lab(f"--LLMExtension.models_dir={tmp_path}") as lab:
        async with opened(lab) as page:
            page.page.on("request", note)
            await page.new_notebook()
            editor = page.page.locator(".jp-Notebook .jp-CodeCell .cm-content")
            ghost = page.page.locator(".jp-GhostText")
            await editor.click()

            lab.json("load", {"model": "writer"})
            await editor.press_sequentially("# To load a model")
            await page.page.wait_for_timeout(1500)
            assert asked == []  # nobody wanted it

            await page.run_command("llm:toggle-completion")
            lab.json("unload", {"model": "writer"})
            await editor.press_sequentially(",")
            await page.page.wait_for_timeout(1500)
            assert asked == []  # no model is loaded for it
            assert lab.json("health")["models"] == []

            lab.json("load", {"model": "writer"})
            await expect(page.page.locator(".jp-LLM-status-button")).to_contain_text("writer")
            await editor.press_sequentially(" you")
            await expect(ghost).to_be_visible(timeout=30_000)
            assert asked
            assert all("suffix" not in body for body in asked)
            await page.screenshot("completion")
            await page.use_theme("JupyterLab Dark")
            await page.screenshot("completion-dark")
            await page.use_theme("JupyterLab Light")
            await editor.press("Space")
            await expect(ghost).to_be_visible(timeout=30_000)
            await editor.press("Tab")
            await expect(ghost).to_have_count(0)
            typed = "# To load a model, you"
            assert re.fullmatch(f"{typed} .{{4,}}", await editor.inner_text(), re.DOTALL)
