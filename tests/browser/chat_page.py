"""The chat in a browser, in the words of somebody who uses it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from playwright.async_api import Locator, expect

if TYPE_CHECKING:
    from lab_page import LabPage

ANSWER_TIMEOUT_MS = 30_000


class ChatPage:
    """The chat panel of one browser tab."""

    def __init__(self, lab: LabPage) -> None:
        self.lab = lab
        self.page = lab.page
        self.panel = lab.page.locator("#jp-llm-chat")
        self.box = self.panel.get_by_role("textbox", name="Your question").last
        self.questions = self.panel.locator(".jp-LLM-question")
        self.answers = self.panel.locator(".jp-LLM-answer")
        self.model = self.panel.get_by_role("combobox", name="Model")

    async def open(self, model: str | None = None) -> None:
        arguments = {"model": model} if model else {}
        await self.lab.run_command("llm:open-chat", **arguments)
        async with asyncio.timeout(30):
            # a Lab that still restores its layout takes the focus away again
            while not await self.box.evaluate("box => box === document.activeElement"):
                await self.lab.run_command("llm:open-chat", **arguments)

    async def say(self, text: str) -> None:
        await self.box.fill(text)
        async with asyncio.timeout(30):
            # a Lab that still restores its layout takes the focus away again
            while await self.box.input_value():
                await self.box.press("Enter")
                await self.page.wait_for_timeout(100)

    async def ask(self, text: str) -> Locator:
        """Ask and wait for the end of the answer."""
        await self.say(text)
        return await self.answered()

    async def answered(self) -> Locator:
        await expect(self.answers.last).to_have_attribute(
            "data-state", "done", timeout=ANSWER_TIMEOUT_MS
        )
        return self.answers.last

    async def stopped(self) -> None:
        """Wait until the last answer is seen to be stopped."""
        await expect(self.answers.last).to_have_attribute(
            "data-state", "stopped", timeout=ANSWER_TIMEOUT_MS
        )

    async def hears(self, text: str) -> None:
        """Wait until so much of an answer has come."""
        await expect(self.answers.last).to_contain_text(text, timeout=ANSWER_TIMEOUT_MS)

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("button", name=name, exact=True)

    async def press(self, name: str) -> None:
        await self.button(name).last.click()
