from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import look
from lab_page import opened
from playwright.async_api import expect

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(Path(__file__).parents[1] / "hub"))  # its server of models is a module there
from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from live import LiveServer

pytestmark = pytest.mark.timeout(300)

PANEL = "#jp-llm-models"
REPO = "tiny-org/Tiny-Guide-GGUF"
SETTINGS = {"suggestions": [{"repo_id": REPO, "note": "Small"}, {"repo_id": "no/such-GGUF"}]}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub of our own with one small model in two quantizations; it sends neither to the end."""
    content = GUIDE_PATH.read_bytes()
    with Hub() as server:
        server.add(REPO, {"tiny-Q8_0.gguf": content, "tiny-Q4_K_M.gguf": content})
        server.add("other-org/Other-GGUF", {"other.gguf": content}, downloads=2_500_000)
        server.bytes_per_s = len(content) / 20
        server.keeps_end = True
        yield server


@pytest.fixture
def hub_lab(new_lab: Callable[..., LiveServer], hub: Hub) -> Iterator[LiveServer]:
    """A Lab that asks this Hub, and suggests what it has."""
    with new_lab(env={"HF_ENDPOINT": hub.url}, settings=SETTINGS) as server:
        yield server


async def test_the_first_run_leads_to_a_real_model(hub_lab: LiveServer, hub: Hub) -> None:
    async with opened(hub_lab) as page:
        await page.open_panel()
        welcome = page.panel.get_by_role("region", name="First steps")
        await expect(welcome.get_by_text("Tiny-Guide")).to_be_visible()
        await expect(welcome.locator("[data-repo]")).to_have_count(1)
        await look(page, "welcome", PANEL)
        await welcome.get_by_role("button", name="Download and load: Tiny-Guide").click()
        await expect(welcome.get_by_role("progressbar")).to_be_visible()
        await look(page, "welcome-download", PANEL)
        hub.bytes_per_s, hub.keeps_end = 0, False
        await page.expect_state("tiny-Q4_K_M", "ready")
        await expect(welcome).to_have_count(0)
        await look(page, "first-model", PANEL)


async def test_a_model_is_found_downloaded_stopped_and_gone_on_with(
    hub_lab: LiveServer, hub: Hub
) -> None:
    async with opened(hub_lab) as page, opened(hub_lab) as other:
        await page.open_panel()
        await other.open_panel()
        await page.panel.get_by_role("button", name="Find models on the Hub").click()
        field = page.panel.get_by_role("searchbox")
        await expect(field).to_be_focused()
        await page.page.keyboard.type("g")
        await page.page.keyboard.press("Enter")
        found = page.panel.get_by_role("list", name="Found on the Hub")
        await expect(found.locator("[data-repo]")).to_have_count(2)
        await expect(found).to_contain_text("2.5M downloads")
        await found.get_by_role("button", name="tiny-org").click()
        files = page.panel.get_by_role("list", name=f"Files of {REPO}")
        await expect(files.locator("[data-offer]")).to_have_count(2)
        await look(page, "search", PANEL)

        await files.get_by_role("button", name="Download: tiny-Q8_0").click()
        for tab in (page, other):
            await expect(tab.download(REPO)).to_have_attribute("data-state", "running")
        bar = other.download(REPO).get_by_role("progressbar")
        await expect(bar).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))
        await look(page, "download", PANEL)
        await page.panel.get_by_role("button", name=f"Stop: {REPO}").click()
        for tab in (page, other):
            await expect(tab.download(REPO)).to_have_attribute("data-state", "cancelled")
        await look(page, "download-stopped", PANEL)
        hub.starts.clear()
        hub.bytes_per_s, hub.keeps_end = 0, False
        await other.panel.get_by_role("button", name=f"Resume: {REPO}").click()
        for tab in (page, other):
            await tab.expect_state("tiny-Q8_0", "unloaded")
            await expect(tab.download(REPO)).to_have_count(0)
        assert hub.starts[0] > 0
        await expect(files.locator("[data-offer='tiny-Q8_0']")).to_contain_text("on disk")

        hub.keeps_end = True
        await files.get_by_role("button", name="Download: tiny-Q4_K_M").click()
        await page.panel.get_by_role("button", name=f"Stop: {REPO}").click()
        await page.panel.get_by_role("button", name=f"Dismiss: {REPO}").click()
        await look(page, "download-dismissal", PANEL)
        await page.panel.get_by_role("button", name=f"Delete what has come: {REPO}").click()
        for tab in (page, other):
            await expect(tab.download(REPO)).to_have_count(0)
        await page.expect_state("tiny-Q8_0", "unloaded")


async def test_a_model_is_deleted_unless_it_is_in_memory(
    new_lab: Callable[..., LiveServer], tmp_path: Path
) -> None:
    path = shutil.copy(GUIDE_PATH, tmp_path / "spare.gguf")
    with new_lab(f"--LLMExtension.models_dir={tmp_path}") as lab:
        async with opened(lab) as page:
            await page.open_panel()
            dialog = page.page.locator(".jp-Dialog")
            await page.choose("Copy Name", "guide")
            await page.press("Load", "spare")
            await page.expect_state("spare", "ready")
            await page.choose("Delete from Disk…", "spare")
            await expect(dialog).to_contain_text("spare is in memory")
            await look(page, "delete-refused", ".jp-Dialog")
            await dialog.get_by_role("button", name="Close").click()

            await page.press("Unload", "spare")
            await page.expect_state("spare", "unloaded")
            await page.choose("Delete from Disk…", "spare")
            await expect(dialog).to_contain_text(str(path))
            await look(page, "delete", ".jp-Dialog")
            await dialog.get_by_role("button", name="Cancel").click()
            assert path.exists()
            await page.choose("Delete from Disk…", "spare")
            await dialog.get_by_role("button", name="Delete").click()
            await expect(page.page.get_by_text("spare is deleted")).to_be_visible()
            await expect(page.model("spare")).to_have_count(0)
            assert not path.exists()
