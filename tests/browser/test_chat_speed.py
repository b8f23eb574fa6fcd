"""How quick the chat is; `pytest -s` prints the figures of docs/benchmarks.md."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

import pytest
from chat_page import ChatPage
from lab_page import opened
from noted_answers import NOTING, noting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from live import LiveServer

pytestmark = pytest.mark.timeout(600)  # a browser and JupyterLab take long on a busy machine

NUM_QUESTIONS = 10
# a word is a token of echo, and each is said twice: by the user and by echo
WORDS_PER_TURN = 1000
# a machine that other tests keep busy takes several times as long as an idle one
FIRST_TOKEN_BOUND_MS = 250.0
FRAME_BOUND_MS = 100.0

# when a frame has shown the first words of each answer, in seconds since the epoch
WATCH_FIRST_WORDS = """() => {
  const log = (window.firstWords = []);
  const seen = new WeakSet();
  const look = () => {
    const last = [...document.querySelectorAll('.jp-LLM-answer')].at(-1);
    if (!last || seen.has(last) || !last.querySelector('.jp-LLM-block')?.textContent) {
      return;
    }
    seen.add(last);
    requestAnimationFrame(() => {
      // a message comes after the frame that is about to be painted
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => log.push((performance.timeOrigin + performance.now()) / 1000);
      port2.postMessage(null);
    });
  };
  const changes = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(document.getElementById('jp-llm-chat'), changes);
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


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """When the server sent the first words of each answer."""
    return tmp_path / "first-words"


@pytest.fixture
def noted_lab(new_lab: Callable[..., LiveServer], notes: Path) -> Iterator[LiveServer]:
    with new_lab(NOTING, env=noting(notes)) as server:
        yield server


async def test_the_first_token_is_seen_when_it_comes_and_a_long_conversation_scrolls(
    noted_lab: LiveServer, notes: Path
) -> None:
    noted_lab.json("load", {"model": "echo", "context_length": 65536})
    async with opened(noted_lab) as page:
        chat = ChatPage(page)
        await chat.open("echo")
        await chat.page.evaluate(WATCH_FIRST_WORDS)
        for number in range(NUM_QUESTIONS):
            await chat.ask(_turn(number))
        await chat.page.wait_for_function(f"window.firstWords.length >= {NUM_QUESTIONS}")
        seen = await chat.page.evaluate("window.firstWords")
        frames = await chat.page.evaluate(SCROLL)
        num_blocks = await chat.panel.locator(".jp-LLM-block").count()
    sent = [float(line) for line in notes.read_text().split()]  # noqa: ASYNC240 - a few lines
    first_tokens = [1000 * (then - now) for now, then in zip(sent, seen, strict=True)]
    slow = quantiles(frames, n=20)[-1]
    print(  # noqa: T201 - the figures are what it is for
        f"\nfirst token: median {median(first_tokens):.0f} ms of {len(first_tokens)}, "
        f"slowest {max(first_tokens):.0f}\n"
        f"scrolling {num_blocks} blocks: {len(frames)} frames, median {median(frames):.1f} ms, "
        f"95 % within {slow:.1f}, slowest {max(frames):.0f}"
    )
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
