"""How quick the chat is; `pytest -s` prints the figures of docs/benchmarks.md."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

import pytest
from chat_page import ChatPage
from lab_page import opened

if TYPE_CHECKING:
    from live import LiveServer

pytestmark = pytest.mark.timeout(600)  # a browser and JupyterLab take long on a busy machine

NUM_QUESTIONS = 10
# a word is a token of echo, and each is said twice: by the user and by echo
WORDS_PER_TURN = 1000
# a machine that other tests keep busy takes several times as long as an idle one
FIRST_TOKEN_BOUND_MS = 250.0
FRAME_BOUND_MS = 100.0

# when the first text of an answer arrives in the page, and when it has been painted
WATCH_FIRST_TOKEN = """() => {
  const read = ReadableStreamDefaultReader.prototype.read;
  const log = (window.firstTokens = []);
  const painted = before => new Promise(resolve => {
    const look = () => {
      const blocks = [...document.querySelectorAll('.jp-LLM-answer')];
      const last = blocks[blocks.length - 1]?.querySelector('.jp-LLM-block')?.textContent;
      if (blocks.length > before && last) {
        // a frame later it is on the screen
        requestAnimationFrame(() => resolve(performance.now()));
      } else {
        requestAnimationFrame(look);
      }
    };
    look();
  });
  let known = 0;
  ReadableStreamDefaultReader.prototype.read = async function () {
    const result = await read.call(this);
    const text = result.value ? new TextDecoder().decode(result.value) : '';
    const number = document.querySelectorAll('.jp-LLM-answer').length;
    if (/"content":"[^"]/.test(text) && number > known) {
      const arrivedAt = performance.now();
      painted(known).then(paintedAt => log.push(paintedAt - arrivedAt));
      known = number;
    }
    return result;
  };
}"""

SCROLL = """async () => {
  const log = document.querySelector('.jp-LLM-log');
  const frames = [];
  let last = performance.now();
  const step = log.clientHeight / 4;
  for (const sign of [-1, 1]) {
    for (let left = log.scrollHeight; left > 0; left -= step) {
      log.scrollTop += sign * step;
      const now = await new Promise(requestAnimationFrame);
      frames.push(now - last);
      last = now;
    }
  }
  return frames.slice(1);
}"""


async def test_the_first_token_is_seen_when_it_comes_and_a_long_conversation_scrolls(
    lab: LiveServer,
) -> None:
    lab.json("unload", {"model": "echo"})
    lab.json("load", {"model": "echo", "context_length": 65536})
    async with opened(lab) as page:
        chat = ChatPage(page)
        await chat.open("echo")
        await chat.page.evaluate(WATCH_FIRST_TOKEN)
        for number in range(NUM_QUESTIONS):
            await chat.ask(_turn(number))
        await chat.page.wait_for_timeout(1000)
        first_tokens = await chat.page.evaluate("window.firstTokens")
        frames = await chat.page.evaluate(SCROLL)
        num_blocks = await chat.panel.locator(".jp-LLM-block").count()
    lab.json("unload", {"model": "echo"})
    slow = quantiles(frames, n=20)[-1]
    print(  # noqa: T201 - the figures are what it is for
        f"\nfirst token: median {median(first_tokens):.0f} ms of {len(first_tokens)}, "
        f"slowest {max(first_tokens):.0f}\n"
        f"scrolling {num_blocks} blocks: {len(frames)} frames, median {median(frames):.1f} ms, "
        f"95 % within {slow:.1f}, slowest {max(frames):.0f}"
    )
    assert len(first_tokens) == NUM_QUESTIONS
    assert median(first_tokens) < FIRST_TOKEN_BOUND_MS
    assert slow < FRAME_BOUND_MS


def _turn(number: int) -> str:
    """Paragraphs, lists and code of about as many words as a turn has."""
    paragraph = " ".join(f"word{number}" for _ in range(60))
    code = "\n".join(f"value_{line} = compute({line}, {number})" for line in range(30))
    items = "\n".join(f"- item {item} of a list" for item in range(10))
    part = f"## Part\n\n{paragraph}\n\n{items}\n\n```python\n{code}\n```\n\n"
    num_words = len(part.split())
    return part * round(WORDS_PER_TURN / num_words)
