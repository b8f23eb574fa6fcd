"""Widgets in a real kernel, driven by the messages that a page sends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from front_end import FrontEnd
from live_kernel import LiveKernel, eventually

if TYPE_CHECKING:
    from hub_server import Hub
    from live import LiveServer

    from jupyter_llm.client import Client


def test_a_model_is_searched_downloaded_stopped_resumed_loaded_and_unloaded(
    page: FrontEnd, hub: Hub, client: Client
) -> None:
    page.run("picker = ModelPicker()")
    page.set(page.find("TextModel", "Search Hub"), value="guide")
    found = page.find("DropdownModel", "Found")
    files = page.find("DropdownModel", "File")
    page.until(lambda: "F16" in str(page.models[files]["_options_labels"]))
    assert page.models[found]["_options_labels"][0].startswith(
        "jupyter-llm/guide-GGUF · apache-2.0"
    )
    assert "gated" in page.models[found]["_options_labels"][1]
    assert "fits" in page.models[files]["_options_labels"][0]

    hub.bytes_per_s = 1_000_000
    page.click("Download")
    page.until(lambda: 0 < page.state("FloatProgressModel", "guide-GGUF")["value"] < 1)
    page.click("Cancel")
    page.until(lambda: any("cancelled" in m.get("value", "") for m in labels(page)))
    hub.bytes_per_s = 0
    page.click("Resume")
    page.until(lambda: page.state("FloatProgressModel", "guide-GGUF")["value"] == 1)

    menu = page.find("DropdownModel", "Model")
    page.until(lambda: "small-guide-F16" in page.models[menu]["_options_labels"])
    page.choose("Model", "small-guide-F16")
    page.click("Load")
    page.until(lambda: "small-guide-F16 · ready" in page.models[menu]["_options_labels"])
    assert page.run("print(picker.model, picker.state)") == "small-guide-F16 ready\n"
    client.unload("small-guide-F16")  # somebody else
    page.until(lambda: "small-guide-F16" in page.models[menu]["_options_labels"])
    assert page.run("print(picker.state)") == "unloaded\n"
    assert "Chosen: small-guide-F16" in page.run("print(repr(picker))")


def labels(page: FrontEnd) -> list[dict[str, Any]]:
    return [m for m in page.models.values() if m["_model_name"] == "LabelModel"]


def notice(page: FrontEnd) -> str:
    """What the widgets say has gone wrong."""
    said = [m["value"] for m in page.models.values() if m["_model_name"] == "HTMLModel"]
    return "".join(text for text in said if 'role="alert"' in text)


def test_what_goes_wrong_is_shown_and_gone_with_the_next_try(page: FrontEnd) -> None:
    page.run("picker = ModelPicker('nothing')")
    page.click("Load")
    page.until(lambda: "There is no model &#x27;nothing&#x27;" in notice(page))
    page.choose("Model", "echo")
    page.click("Load")
    page.until(lambda: notice(page) == "")
    page.set(page.find("TextModel", "Search Hub"), value="jupyter-llm/closed-guide-GGUF")
    page.until(lambda: "closed" in str(page.state("DropdownModel", "File")["_options_labels"]))
    page.click("Download")
    page.until(lambda: "HF_TOKEN" in notice(page))


def test_a_chat_streams_and_a_question_can_be_edited_and_asked_again(page: FrontEnd) -> None:
    page.run("chat = Chat('guide', system='Be brief.')")
    transcript, composer = page.find("AnyModel", "Conversation"), page.find("AnyModel", "Ask")
    page.send(composer, type="send", text="How do I load a model?\n")
    page.until(lambda: page.models[composer]["busy"])
    page.until(lambda: not page.models[composer]["busy"])
    question, answer = page.models[transcript]["turns"]
    assert (question["role"], question["text"]) == ("user", "How do I load a model?")
    assert "%llm load" in answer["html"]
    assert "tokens/s" in answer["status"]
    assert page.models[transcript]["growing"] == {}
    assert page.num_updates[transcript] > 3

    page.send(transcript, type="resend", id=question["id"], text="What is GGUF?")
    page.until(lambda: page.models[transcript]["turns"][1]["id"] > answer["id"])
    assert page.models[transcript]["turns"][0]["text"] == "What is GGUF?"
    assert len(page.models[transcript]["turns"]) == 2
    page.send(transcript, type="regenerate")
    page.until(lambda: page.models[transcript]["turns"][1]["id"] > answer["id"] + 2)
    roles = page.run("print([message['role'] for message in chat.messages])")
    assert roles == "['system', 'user', 'assistant']\n"
    assert page.run("print(repr(chat))").startswith("You: What is GGUF?")
    page.click("Clear")
    page.until(lambda: page.models[transcript]["turns"] == [])


def test_an_answer_stops_at_once_and_is_shown_twenty_times_a_second_at_most(
    page: FrontEnd, client: Client
) -> None:
    client.unload("echo")
    client.load("echo", context_length=1_000_000)
    page.run("chat = Chat('echo')")
    transcript, composer = page.find("AnyModel", "Conversation"), page.find("AnyModel", "Ask")
    page.send(composer, type="send", text="word " * 200_000)
    page.until(lambda: page.models[transcript]["growing"].get("html"))
    begin, before = time.monotonic(), page.num_updates[transcript]
    page.rest(1.0)
    per_s = (page.num_updates[transcript] - before) / (time.monotonic() - begin)
    assert 2 < per_s < 25
    page.send(composer, type="stop")
    page.until(lambda: not page.models[composer]["busy"])
    assert page.models[transcript]["turns"][-1]["status"].endswith("stopped")
    assert not any(status.stats.num_running for status in client.loaded())


def test_a_chat_stops_while_a_model_reads_its_prompt_and_shows_errors_in_its_place(
    page: FrontEnd,
) -> None:
    page.run("chat = Chat('guide', sampling={'max_tokens': 1})")
    composer = page.find("AnyModel", "Ask")
    page.send(composer, type="send", text="word " * 100_000)
    page.until(lambda: len(page.state("AnyModel", "Conversation")["turns"]) == 2)
    failed = page.state("AnyModel", "Conversation")["turns"][-1]
    assert failed["failed"]
    assert "context" in failed["text"]
    assert page.run("print(chat.messages)") == "[]\n"
    page.send(composer, type="send", text="<b>What is GGUF?</b>")
    page.until(lambda: len(page.state("AnyModel", "Conversation")["turns"]) == 4)
    assert page.state("AnyModel", "Conversation")["turns"][2]["html"].startswith("&lt;b&gt;")
    assert page.run("print(len(chat.messages), chat.last.outcome)") == "2 length\n"


def test_the_memory_is_shown_by_owner_and_model_as_it_changes(
    page: FrontEnd, client: Client
) -> None:
    for status in client.loaded():
        client.unload(status.model.id)
    page.run("monitor = MemoryMonitor(); monitor")
    pictures = [m for m in page.models.values() if "<svg" in m.get("value", "")]
    assert 'aria-label="System memory' in pictures[0]["value"]
    client.load("guide")
    page.until(lambda: any("<td" in m.get("value", "") for m in page.models.values()))
    assert "guide" in page.run("print(repr(monitor))")
    samples = page.run("print(len(monitor.samples), monitor.samples[-1]['own_bytes'] > 0)")
    assert samples.endswith(" True\n")
    assert int(samples.split()[0]) > 1


def test_widgets_rest_while_no_page_shows_them_and_go_on_when_one_does(page: FrontEnd) -> None:
    count = (
        "import threading; print(sum(t.name == 'llm-ModelPicker' for t in threading.enumerate()))"
    )
    page.run("picker = ModelPicker('echo')")
    (box,) = [i for i, m in page.models.items() if m.get("_view_count") == 0]
    page.set(box, _view_count=1)
    assert page.run(count) == "1\n"
    page.set(box, _view_count=0)
    page.until(lambda: page.run(count) == "0\n")
    page.set(box, _view_count=1)
    page.until(lambda: page.run(count) == "1\n")


def test_several_models_answer_side_by_side_and_their_figures_are_a_table(page: FrontEnd) -> None:
    page.run(
        "compare = Compare(['guide', {'model': 'echo', 'max_tokens': 2}, 'nothing'], in_turn=True)"
    )
    page.send(page.find("AnyModel", "Ask all"), type="send", text="What is GGUF?")
    page.until(lambda: page.state("AnyModel", "Ask all")["busy"])
    page.until(lambda: not page.state("AnyModel", "Ask all")["busy"])
    shown = page.run("print(compare)").splitlines()
    assert shown[0].split() == ["MODEL", "SETTINGS", "ANSWER", "FIGURES"]
    assert "tokens/s" in shown[1]
    assert "max_tokens=2" in shown[2]
    assert "2 tokens" in shown[2]
    assert "There is no model 'nothing'" in shown[3]
    assert page.run("print([a.outcome for a in compare.answers])") == (
        "['stop', 'length', 'failed']\n"
    )


def test_settings_are_traits_that_pages_set_and_calls_take(page: FrontEnd) -> None:
    page.run("sampling = Sampling(temperature=0.2); chat = Chat('echo', sampling=sampling)")
    assert page.state("CheckboxModel", "Temperature")["value"] is True
    box = page.find("CheckboxModel", "Most tokens")
    page.set(box, value=True)
    control = next(m for m in page.models if page.models[m].get("tooltip", "").startswith("Most"))
    page.set(control, value=1)
    page.until(lambda: "1" in page.run("print(sampling.max_tokens)"))
    page.send(page.find("AnyModel", "Ask"), type="send", text="one two three")
    page.until(lambda: len(page.state("AnyModel", "Conversation")["turns"]) == 2)
    assert page.state("AnyModel", "Conversation")["turns"][1]["text"] == "one"
    page.run("sampling.max_tokens = None; sampling.seed = 3")
    assert page.models[box]["value"] is False
    options = page.run("print(sampling.options, sampling)")
    assert options == "{'temperature': 0.2, 'seed': 3} Sampling(temperature=0.2, seed=3)\n"


def test_a_kernel_that_dies_leaves_nothing_running_at_the_server(
    live_server: LiveServer, client: Client
) -> None:
    client.unload("echo")
    client.load("echo", context_length=1_000_000)
    with LiveKernel(live_server) as kernel:
        page = FrontEnd(kernel)
        page.run("from jupyter_llm.widgets import *; chat = Chat('echo')")
        page.run("chat.ask('word ' * 300_000)")
        assert eventually(lambda: is_running(client))
    assert eventually(lambda: not is_running(client))


def is_running(client: Client) -> bool:
    return any(status.stats.num_running for status in client.loaded())


def test_a_terminal_prints_widgets_as_text(live_server: LiveServer) -> None:
    code = (
        "from jupyter_llm.widgets import *; monitor = MemoryMonitor(); monitor",
        "chat = Chat('echo'); chat.ask('Hello you'); chat.wait(30); chat",
    )
    environment = {
        **os.environ,
        "JUPYTER_LLM_BASE_URL": live_server.url,
        "JUPYTER_LLM_API_KEY": live_server.token,
        "IPYTHONDIR": str(live_server.home / "ipython"),
    }
    shell = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--simple-prompt"]
    ran = subprocess.run(
        shell,
        input="\n".join([*code, "exit"]),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "THIS SERVER" in ran.stdout
    assert "You: Hello you\n\nModel: Hello you\n[echo · 2 tokens" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
