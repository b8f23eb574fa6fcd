"""Engines of other packages, found by their entry points and used like any other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from live import LiveServer

from jupyter_llm.engines import plugins, select
from jupyter_llm.engines.plugins import GROUP, read_plugins
from jupyter_llm.engines.source import EngineSource
from jupyter_llm.types import Model

OUTSIDE = Path(__file__).parent / "outside_engine"
NAMESAKE = EngineSource(name="echo", location="a:b", formats=("a",))
NAMELESS = EngineSource(name="../x", location="a:b", formats=("a",))
FOREIGN = EngineSource(
    name="mine", location="a:b", formats=("a",), models=(Model(id="m", format="a", engine="my"),)
)
FINE = EngineSource(name="fine", location="a:b", formats=("a",), platforms=("beos",))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, as pip installs it."""
    folder = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    options = ("--no-index", "--disable-pip-version-check", "--target", str(folder))
    subprocess.run([*pip, *options, str(OUTSIDE)], check=True, env={**os.environ, "PYTHONPATH": ""})
    return folder


def test_an_engine_of_another_package_is_used_like_any_other(installed: Path) -> None:
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
    with LiveServer(env={"PYTHONPATH": path}) as server:
        engines = {engine["name"]: engine for engine in server.json("backends")["data"]}
        assert engines["shouting"]["installed"]
        assert engines["shouting"]["version"] == "1.2.3"
        assert not engines["dumb"]["installed"]
        assert "shouting-engine cannot be used: AttributeError" in engines["dumb"]["reason"]
        assert engines["dumb"]["install_command"] == "pip install --upgrade shouting-engine"
        listed = {model["model"]["id"]: model for model in server.json("models")["data"]}
        assert listed["shout"]["model"]["engine"] == "shouting"
        assert listed["shout"]["unavailable"] == ""
        chat = {"model": "shout", "messages": [{"role": "user", "content": "not so loud"}]}
        answer = server.json("v1/chat/completions", chat)
        assert answer["choices"][0]["message"]["content"] == "NOT SO LOUD "
        assert answer["usage"]["total_tokens"] == 6
        with server.open("v1/chat/completions", {**chat, "stream": True}) as stream:
            assert stream.read().count(b"data: {") == 5
        assert server.json("load", {"model": "shout"})["model"]["stats"]["slots"] == 4
        assert 'engine="shouting"' in server.open("metrics").read().decode()


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_an_engine_that_can_sleep_wakes_where_others_are_loaded(
    installed: Path, isolation: str
) -> None:
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
    options = (f"--LLMExtension.isolation={isolation}", "--LLMExtension.default_model=nap")
    with LiveServer(*options, env={"PYTHONPATH": path}) as server:

        def says(word: str = "hello") -> str:
            body = {"messages": [{"role": "user", "content": word}]}
            reply = server.json("v1/chat/completions", body)
            return str(reply["choices"][0]["message"]["content"])

        def switch(name: str) -> None:
            assert server.json("switch", {"model": name})["id"] == name
            other = {"nap": "doze", "doze": "nap"}[name]
            deadline = time.monotonic() + 60
            while state_of(server, other) != "unloaded":
                assert time.monotonic() < deadline, server.log
                time.sleep(0.02)

        assert says() == "nap was woken 0 times"
        switch("doze")
        assert says() == "doze was woken 0 times"
        switch("nap")
        assert says() == "nap was woken 1 times"
        switch("doze")
        assert says("oversleep") == "doze was woken 1 times"
        with server.open("unload", {"model": "nap"}) as reply:
            assert reply.status == 200
        switch("nap")
        assert says() == "nap was woken 0 times", "it was unloaded while it slept"
        switch("doze")
        assert says() == "doze was woken 0 times", "it was loaded anew"


def state_of(server: LiveServer, name: str) -> str:
    (entry,) = (one for one in server.json("models")["data"] if one["model"]["id"] == name)
    return str(entry["state"])


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ("NAMESAKE", "there is an engine 'echo' already"),
        ("NAMELESS", "is no name for an engine"),
        ("FOREIGN", "its models m name another engine"),
        ("OUTSIDE", "it is a PosixPath and no EngineSource"),
        ("MISSING", "AttributeError"),
    ],
)
def test_what_is_wrong_with_one_engine_is_said_and_harms_no_other(held: str, why: str) -> None:
    found = [EntryPoint("bad", f"{__name__}:{held}", GROUP)]
    found.append(EntryPoint("fine", f"{__name__}:FINE", GROUP))
    seen = read_plugins(found)
    assert [source.name for source in seen.sources] == ["fine"]
    (broken,) = seen.broken
    assert why in broken.reason
    assert broken.command == f"pip install --upgrade {__name__}"


def test_an_engine_for_another_platform_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_plugins([EntryPoint("fine", f"{__name__}:FINE", GROUP)])
    monkeypatch.setattr(select, "plugins", lambda: found)
    info = select.backends()[-1]
    assert (info.name, info.installed, info.install_command) == ("fine", False, "")
    assert info.reason == f"fine runs on beos, and this is {select.this_platform()}"
    with pytest.raises(select.EngineUnavailableError, match="fine runs on beos"):
        select.find_engine("fine")


def test_engines_are_looked_for_once() -> None:
    assert plugins.plugins() is plugins.plugins()
