"""Answers on disk."""

from __future__ import annotations

import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.client.cache import AnswerCache, cache_key
from jupyter_llm.client.reply import Reply
from jupyter_llm.types import Timings, Usage

if TYPE_CHECKING:
    from pathlib import Path

REPLY = Reply(
    text="ü" * 10,
    model="guide",
    finish_reason="stop",
    usage=Usage(prompt_tokens=3, completion_tokens=2),
    timings=Timings(decode_s=0.5),
)
BODY = {"messages": [{"role": "user", "content": "a secret question"}], "temperature": 0}


def test_a_reply_is_found_again_by_all_that_it_depends_on(tmp_path: Path) -> None:
    key = cache_key("guide", BODY)
    with AnswerCache(tmp_path / "new" / "answers.sqlite3") as cache:
        assert cache.get(key) is None
        cache.put(key, REPLY)
        cache.put(key, REPLY)
    with AnswerCache(cache.path) as cache:
        assert cache.get(key) == REPLY
        for other in (
            cache_key("other", BODY),
            cache_key("guide", {**BODY, "temperature": 1}),
            cache_key("guide", {**BODY, "messages": []}),
        ):
            assert cache.get(other) is None
    assert cache_key("guide", dict(reversed(BODY.items()))) == key


def test_the_file_is_the_users_and_has_no_questions(tmp_path: Path) -> None:
    with AnswerCache(tmp_path / "answers.sqlite3") as cache:
        cache.put(cache_key("guide", BODY), REPLY)

    assert stat.S_IMODE(cache.path.stat().st_mode) == 0o600
    assert b"secret" not in cache.path.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.stat().st_size] == ["answers.sqlite3"]


def test_what_was_not_used_for_longest_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.time", lambda: now)
    keys = [cache_key(str(number), {}) for number in range(10)]
    with AnswerCache(tmp_path / "answers.sqlite3", max_bytes=1200) as cache:
        for key in keys:
            now += 1
            cache.put(key, REPLY)
        now += 100_000
        assert cache.get(keys[0])
    with AnswerCache(cache.path, max_bytes=1200) as cache:
        kept = [number for number, key in enumerate(keys) if cache.get(key)]

    assert 0 in kept
    assert 9 in kept
    assert 1 not in kept
    assert 2 <= len(kept) < 8


def test_all_is_forgotten_when_asked_for(tmp_path: Path) -> None:
    with AnswerCache(tmp_path / "answers.sqlite3") as cache:
        cache.put(cache_key("guide", BODY), REPLY)
        assert cache.clear() == 1
        assert cache.get(cache_key("guide", BODY)) is None
        assert cache.clear() == 0


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with AnswerCache(path) as cache:
        cache.put(b"key", REPLY)
        assert cache.get(b"key") == REPLY


def test_a_place_that_cannot_be_used_is_said_and_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = AnswerCache(tmp_path / "file" / "answers.sqlite3")
    with pytest.warns(UserWarning, match="Answers are not kept"):
        cache.__enter__()
    cache.put(b"key", REPLY)
    assert cache.get(b"key") is None
    assert cache.clear() == 0


def test_what_was_put_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, signal
from jupyter_llm.client.cache import AnswerCache
from jupyter_llm.client.reply import Reply
from pathlib import Path
with AnswerCache(Path({str(tmp_path / "answers.sqlite3")!r})) as cache:
    for number in range(20):
        cache.put(bytes([number]), Reply(text=str(number)))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with AnswerCache(tmp_path / "answers.sqlite3") as cache:
        found = [cache.get(bytes([number])) for number in range(20)]
    assert [reply and reply.text for reply in found] == [str(number) for number in range(20)]
