from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe import look
from lab_page import opened
from playwright.async_api import expect

if TYPE_CHECKING:
    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine


async def test_a_key_is_made_shown_once_and_revoked_in_the_panel(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.open_panel()
        await page.panel.get_by_role("button", name="API keys").click()
        await page.panel.get_by_label("Name of a new key").fill("laptop")
        await page.panel.get_by_role("button", name="Create key").click()
        secret = await page.panel.get_by_label("The key “laptop”").input_value()
        key = {"Authorization": f"Bearer {secret}"}
        assert lab.open("v1/models", headers=key).status == 200
        await page.panel.locator('[data-key="laptop"]').scroll_into_view_if_needed()
        await look(page, "keys", "#jp-llm-models")

        await page.panel.get_by_role("button", name="Done").click()
        await expect(page.panel.get_by_label("The key “laptop”")).to_have_count(0)
        await page.panel.get_by_role("button", name="Revoke laptop").click()
        await page.panel.get_by_role("button", name="Revoke laptop now").click()
        await expect(page.panel.locator('[data-key="laptop"]')).to_have_count(0)
        assert lab.open("v1/models", headers=key).status == 401
