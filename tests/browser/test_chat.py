from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import look
from chat_page import ChatPage
from held_echo import HOLDING
from lab_page import opened
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from held_echo import Hold
    from live import LiveServer

pytestmark = pytest.mark.timeout(300)  # a browser and JupyterLab take long on a busy machine

HERE = Path(__file__).parent
CODE = "squares = [n * n for n in range(4)]\nprint(squares)"
RICH = f"""# Squares

Some *words*, then code:

```python
{CODE}
```

1. one
2. two

| a | b |
|---|---|
| 1 | 2 |

$$e^{{i\\pi}} = -1$$
"""
LONG = " ".join(f"word{number}" for number in range(200))


@pytest.fixture(scope="module")
def lab_of_held_answers(new_lab: Callable[..., LiveServer], hold: Hold) -> Iterator[LiveServer]:
    with new_lab(HOLDING, env=hold.environment) as server:
        yield server


@pytest.fixture
def held_lab(lab_of_held_answers: LiveServer, hold: Hold) -> Iterator[LiveServer]:
    """A JupyterLab whose echo says no more than the first words until it may."""
    hold.begin()
    yield lab_of_held_answers
    hold.end()


async def test_a_first_question_is_answered_and_the_next_one_knows_of_it(lab: LiveServer) -> None:
    async with opened(lab) as page:
        chat = ChatPage(page)
        await chat.open()
        await expect(chat.button("What can you do?")).to_be_visible()
        await look(page, "chat-welcome", "#jp-llm-chat")
        await chat.press("What can you do?")
        answer = await chat.answered()
        await expect(answer).to_contain_text("tokens/s")
        await expect(chat.panel.get_by_role("status").last).to_contain_text("Answer:")
        await expect(chat.panel.get_by_role("heading", level=2)).to_have_text("What can you do?")
        await chat.ask("And how do I load a model?")
        await expect(chat.answers).to_have_count(2)
        await look(page, "chat-answer", "#jp-llm-chat")
        await chat.press("How the model answers")
        instructions = chat.panel.get_by_label("Instructions")
        await instructions.press_sequentially("briefly")
        await instructions.press("Home")
        await instructions.press_sequentially("Answer ")
        await expect(instructions).to_have_value("Answer briefly")
        await instructions.fill("")
        await chat.panel.get_by_label("Tokens at most").fill("3")
        await look(page, "chat-sampling", "#jp-llm-chat")
        answer = await chat.ask("What can you do?")
        await expect(answer).to_contain_text("3 tokens")
        await expect(answer).to_contain_text("cut off")


async def test_markdown_is_drawn_and_cannot_act(lab: LiveServer) -> None:
    hostile = (
        '<script>document.title = "acted"</script>'
        '<img src="/lab/never-loaded.png" onerror="document.title = \'acted\'">'
        "\n\n![picture](https://example.com/secret.png)\n\n"
        '<a href="javascript:document.title=1">bad</a>'
        '<button data-commandlinker-command="llm:new-chat">press</button>'
        '<p style="position: fixed">styled</p>'
    )
    async with opened(lab) as page:
        requested: list[str] = []
        page.page.on("request", lambda request: requested.append(request.url))
        chat = ChatPage(page)
        await chat.open("echo")
        answer = await chat.ask(RICH)
        await expect(answer.locator("h1")).to_have_text("Squares")
        await expect(answer.locator("ol li")).to_have_count(2)
        await expect(answer.locator("td")).to_have_text(["1", "2"])
        await expect(answer.locator("mjx-container")).to_have_count(1)
        await expect(answer.locator("pre")).to_have_text(CODE)
        await look(page, "chat-markdown", "#jp-llm-chat")
        answer = await chat.ask(hostile)
        await expect(answer).to_contain_text("styled")
        await expect(answer.get_by_role("link", name="picture")).to_be_visible()
        for inert in ("img", "script", "[style]", "[data-commandlinker-command]", "[onerror]"):
            assert await answer.locator(f".jp-LLM-markdown {inert}").count() == 0
        assert await answer.locator('[href^="javascript"]').count() == 0
        assert [url for url in requested if url.endswith(".png")] == []


async def test_an_answer_is_stopped_in_the_middle_and_asked_for_again(held_lab: LiveServer) -> None:
    async with opened(held_lab) as page:
        chat = ChatPage(page)
        await chat.open("echo")
        await chat.say(LONG)
        await chat.hears("word5 ")
        await page.screenshot("chat-streaming")
        await chat.press("Stop")
        await chat.stopped()
        await expect(chat.answers.last).to_contain_text("stopped")
        await until_idle(held_lab)
        await chat.say(LONG)
        await chat.hears("word5 ")
        await chat.box.press("Escape")
        await chat.stopped()

        await chat.questions.last.hover()
        await chat.press("Edit and ask again")
        box = chat.panel.get_by_role("textbox", name="Your question").first
        await box.fill("Shorter now")
        await box.press("Enter")
        await expect(await chat.answered()).to_contain_text("Shorter now")
        await expect(chat.questions).to_have_count(2)
        await chat.press("Answer again")
        await expect(await chat.answered()).to_contain_text("Shorter now")
        await expect(chat.answers).to_have_count(2)


async def test_an_answer_goes_on_when_the_page_is_loaded_anew(
    held_lab: LiveServer, hold: Hold
) -> None:
    async with opened(held_lab) as page:
        chat = ChatPage(page)
        await chat.open("echo")
        await chat.say(LONG)
        await chat.hears("word5 ")
        await page.reload()
        await chat.open()
        await expect(chat.answers.last).to_have_attribute("data-state", "running")
        assert num_running(held_lab) == 1
        hold.end()
        answer = await chat.answered()
        assert LONG in await answer.locator(".jp-LLM-markdown").inner_text()
        await expect(chat.answers).to_have_count(1)


async def test_who_waits_is_told_how_long_the_queue_is(held_lab: LiveServer, hold: Hold) -> None:
    async with opened(held_lab) as page:
        reload_echo(held_lab, slots=1)
        chat = ChatPage(page)
        await chat.open("echo")
        body = {"model": "echo", "prompt": LONG, "stream": True}
        with held_lab.open("v1/completions", body):
            await chat.say(LONG)
            await expect(chat.answers.last).to_contain_text("yours is next")
            await look(page, "chat-queue", "#jp-llm-chat")
            hold.end()
            await expect(await chat.answered()).to_contain_text("word199")
        held_lab.json("unload", {"model": "echo"})


async def test_two_tabs_show_the_same(held_lab: LiveServer) -> None:
    async with opened(held_lab) as page, page.second_tab() as other_page:
        here, there = ChatPage(page), ChatPage(other_page)
        await here.open("echo")
        await there.open()
        await here.say(LONG)
        await here.hears("word5 ")
        await there.press("Conversations")
        await there.panel.get_by_role("button", name=re.compile("^word0")).first.click()
        await there.hears("word15 ")
        await there.press("Stop")
        for chat in (here, there):
            await chat.stopped()


async def test_conversations_are_kept_renamed_and_deleted(lab: LiveServer) -> None:
    async with opened(lab) as page:
        chat = ChatPage(page)
        await chat.open("echo")
        await chat.ask("The first of all")
        await chat.press("New chat")
        await expect(chat.answers).to_have_count(0)
        await chat.ask("The second one")
        await page.reload()
        await chat.open()
        await expect(chat.questions).to_contain_text("The second one")

        await chat.press("Conversations")
        await chat.press("Rename: The first of all")
        await chat.panel.get_by_role("textbox", name="Title").fill("Beginnings")
        await chat.panel.get_by_role("textbox", name="Title").press("Enter")
        await look(page, "chat-conversations", "#jp-llm-chat")
        await chat.panel.get_by_role("button", name=re.compile("^Beginnings")).click()
        await expect(chat.questions).to_contain_text("The first of all")
        await expect(chat.box).to_be_focused()

        await chat.press("Conversations")
        await chat.press("Delete: Beginnings")
        await chat.press("Delete")
        entries = chat.panel.locator(".jp-LLM-chat-entry-title")
        await expect(entries).to_have_text(["The second one"])


async def test_a_notebook_gives_context_and_takes_code(lab: LiveServer) -> None:
    async with opened(lab) as page:
        await page.new_notebook()
        cells = page.page.locator(".jp-Notebook .jp-CodeCell")
        await expect(cells).to_have_count(1)
        await page.run_command("notebook:replace-selection", text="import math\nprice = 42\nprice")
        await page.run_notebook()
        await expect(cells.first.locator(".jp-OutputArea-output")).to_have_text("42")
        chat = ChatPage(page)
        await page.run_command("llm:ask-about-cells")
        chips = chat.panel.get_by_role("list", name="Goes with the question").get_by_role(
            "listitem"
        )
        await expect(chips).to_have_count(1)
        await chat.press("Attach something of the notebook")
        name = chat.panel.get_by_label("Variable of the notebook")
        await name.fill("unheard_of")
        await name.press("Enter")
        await expect(chat.panel.get_by_role("alert")).to_contain_text("no variable")
        await name.fill("price")
        await look(page, "chat-attach", "#jp-llm-chat")
        await name.press("Enter")
        await expect(chips).to_have_count(2)
        await chips.last.locator("summary").click()
        await expect(chips.last).to_contain_text("int")
        await chat.press("Remove: price")
        await expect(chips).to_have_count(1)

        await chat.model.select_option("echo")
        answer = await chat.ask(RICH)
        await expect(chips).to_have_count(0)
        # what echo says is what it was told: the cell with its output, and then the words
        await expect(answer.locator("pre").first).to_contain_text("price\n# output\n42")
        await page.run_command("notebook:move-cursor-down")
        code = answer.locator(".jp-LLM-code").last
        await code.get_by_role("button", name="Insert below the active cell").click()
        await expect(cells.last).to_contain_text("print(squares)")
        num_cells = await cells.count()
        await code.get_by_role("button", name="Insert above the active cell").click()
        await expect(cells).to_have_count(num_cells + 1)
        await code.get_by_role("button", name="Replace the active cell").click()
        await expect(cells).to_have_count(num_cells + 1)
        await code.get_by_role("button", name="Copy code").click()
        await expect(chat.panel.get_by_role("status").last).to_have_text("Copied")
        await look(page, "chat-notebook", "#jp-llm-chat")


async def test_what_goes_wrong_says_what_to_do_next(lab: LiveServer) -> None:
    async with opened(lab) as page:
        reload_echo(lab, context_length=16)
        chat = ChatPage(page)
        await chat.open("echo")
        await chat.say(LONG)
        problem = chat.answers.last.get_by_role("alert")
        await expect(problem).to_contain_text("too long for the model", timeout=30_000)
        await expect(problem).to_contain_text("holds 16")
        await look(page, "chat-problem", "#jp-llm-chat")
        await problem.get_by_role("button", name="New chat").click()
        await expect(chat.answers).to_have_count(0)
        await expect(await chat.ask("Short")).to_contain_text("Short")
        lab.json("unload", {"model": "echo"})


async def test_who_may_not_execute_is_told_so(new_lab: Callable[..., LiveServer]) -> None:
    authorizer = "--ServerApp.authorizer_class=read_only.ReadOnlyModels"
    with new_lab(authorizer, env={"PYTHONPATH": str(HERE)}) as lab:
        async with opened(lab) as page:
            chat = ChatPage(page)
            await page.run_command("llm:open-chat")
            await expect(chat.panel).to_contain_text('the right to "execute"')
            await expect(chat.box).to_have_count(0)
            await look(page, "chat-read-only", "#jp-llm-chat")


def reload_echo(lab: LiveServer, **options: int) -> None:
    """Load echo with these options, whether another test has loaded it or not."""
    lab.json("unload", {"model": "echo"})
    assert lab.json("load", {"model": "echo", **options})["status"] == "ready"


async def until_idle(lab: LiveServer) -> None:
    async with asyncio.timeout(15):
        while num_running(lab):
            await asyncio.sleep(0.1)


def num_running(lab: LiveServer) -> int:
    """Requests that the models of a server work on."""
    models = lab.json("models")["data"]
    return sum(model["stats"]["num_running"] for model in models)
