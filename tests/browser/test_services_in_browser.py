from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from axe import look
from lab_page import opened
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

PANEL = "#jp-llm-models"
SERVER = """
import os, sys
from http.server import HTTPServer, SimpleHTTPRequestHandler

print("serving", os.environ["MODEL"], flush=True)
HTTPServer((sys.argv[1], int(sys.argv[2])), SimpleHTTPRequestHandler).serve_forever()
"""
RECIPE = {
    "kind": "inference",
    "description": "Serves files, and is quick about it.",
    "environment": {"MODEL": "some-model"},
    "resources": {"time_limit": 90},
    "port": 18300,
    "health": "/",
    "command": ["${PYTHON}", "-c", SERVER, "${HOST}", "${PORT}"],
}


async def test_a_service_is_started_watched_and_stopped(
    new_lab: Callable[..., LiveServer], tmp_path: Path
) -> None:
    (tmp_path / "a-test").mkdir()
    (tmp_path / "a-test" / "files.yaml").write_text(yaml.safe_dump(RECIPE))
    options = (
        f"--LLMExtension.recipe_dirs={tmp_path}",
        "--LLMExtension.services_launcher=local",
        "--LLMExtension.services_poll_s=0.2",
    )
    with new_lab(*options) as lab:
        async with opened(lab) as page, opened(lab) as other:
            await page.open_panel()
            for tab in (page, other):
                if tab is other:
                    await tab.open_panel()
                await tab.panel.get_by_role("button", name="Services").click()
            form = page.panel.get_by_role("form", name="Start a service")
            await form.get_by_label("Recipe").select_option("a-test/files")
            await expect(form).to_contain_text("quick about it")
            await form.get_by_label("GPUs of each node").fill("512")
            await form.get_by_role("button", name="Start").click()
            refusal = page.panel.get_by_role("alert").filter(has_text="config.resources.gpu")
            await expect(refusal).to_be_visible()

            await form.get_by_label("GPUs of each node").fill("")
            await form.get_by_label("Model").fill("my-model")
            await form.get_by_label("Name").fill("mine")
            await form.get_by_role("button", name="Start").click()
            service = page.panel.locator('[data-service="mine"]')
            for tab in (page, other):
                shown = tab.panel.locator('[data-service="mine"]')
                await expect(shown).to_have_attribute("data-state", "running", timeout=60_000)
            await expect(service).to_contain_text("Time left")
            await page.panel.get_by_role("button", name="Log: mine").click()
            log = page.panel.get_by_role("region", name="Log of mine")
            await expect(log).to_contain_text("serving my-model")
            await look(page, "services", PANEL)

            await page.panel.get_by_role("button", name="Stop: mine").click()
            await page.panel.get_by_role("button", name="Stop now: mine").click()
            for tab in (page, other):
                ended = tab.panel.locator(".jp-LLM-ended")
                await expect(ended).to_contain_text("Ended (1)", timeout=60_000)
            await page.panel.get_by_text("Ended (1)").click()
            await expect(service).to_have_attribute("data-state", "cancelled")
            await expect(service.get_by_role("button", name="Stop")).to_have_count(0)
            await look(page, "services-ended", PANEL)
