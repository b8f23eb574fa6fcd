from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.errors import (
    ContextLengthError,
    EngineDiedError,
    EngineUnavailableError,
    InsufficientMemoryError,
    InvalidRequestError,
    LLMError,
    ModelFileError,
    ModelLoadError,
    ModelNotFoundError,
    OverloadedError,
)
from jupyter_llm.types import LoadOptions

if TYPE_CHECKING:
    from conftest import Call
    from scripted import Script

    from jupyter_llm.app import LLMExtension

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}


class TestModels:
    async def test_are_listed_in_openais_form(self, call: Call) -> None:
        listed = (await call("v1/models")).json
        echo = next(model for model in listed["data"] if model["id"] == "echo")

        assert listed["object"] == "list"
        assert echo["object"] == "model"
        assert echo["state"] == "unloaded"
        assert isinstance(echo["created"], int)
        alone = (await call("v1/models/echo")).json
        assert alone.pop("system_fingerprint").startswith("fp_")
        assert alone.pop("modified_at") is None
        assert alone == echo

    async def test_that_have_a_file_say_when_it_changed(self, call: Call) -> None:
        body = (await call("v1/models/guide")).json

        assert 1.6e9 < body["modified_at"] < time.time()

    async def test_that_are_unknown_are_404_with_close_names(self, call: Call) -> None:
        for answer in (
            await call("v1/models/ecko"),
            await call("v1/chat/completions", {**CHAT, "model": "ecko"}),
            await call("v1/completions", {"model": "ecko", "prompt": "x"}),
            await call("load", {"model": "ecko"}),
            await call("unload", {"model": "ecko"}),
        ):
            assert answer.status == 404
            assert answer.error["code"] == "model_not_found"
            assert answer.error["param"] == "model"
            assert "echo" in answer.error["message"]

    async def test_may_have_slashes_in_their_names(self, call: Call) -> None:
        answer = await call("v1/models/org/name%2Fpart")

        assert answer.status == 404
        assert "org/name/part" in answer.error["message"]

    async def test_are_listed_as_single_model_servers_do(self, call: Call) -> None:
        await call("load", {"model": "echo"})
        body = (await call("models")).json

        assert body["object"] == "list"
        echo = {"id": "echo", "name": "echo", "path": "", "size_bytes": 0, "fit": "fits"}
        assert echo in body["available"]
        assert body["active"].keys() == {
            "id", "path", "basename", "exists", "loaded", "state", "config"
        }  # fmt: skip
        assert "POST /load" in body["hint"]
        states = {status["model"]["id"]: status["state"] for status in body["data"]}
        assert states["echo"] == "ready"

    async def test_are_listed_with_what_they_take_and_whether_that_fits(self, call: Call) -> None:
        body = (await call("models")).json
        guide = next(item for item in body["data"] if item["model"]["id"] == "guide")

        assert guide["model"]["source"] == "built-in"
        assert guide["model"]["modalities"] == ["text"]
        estimate = guide["estimate"]
        assert estimate["weights_bytes"] == guide["model"]["size_bytes"]
        assert estimate["total_bytes"] == estimate["weights_bytes"] + estimate["kv_cache_bytes"]
        assert (guide["fit"], guide["unavailable"]) == ("fits", "")

    @pytest.fixture
    def damaged_file(self, extension: LLMExtension) -> Path:
        path = Path(extension.models_dir, "cut.gguf")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"GGUF")
        return path

    async def test_that_cannot_be_used_are_named_with_the_reason(
        self, call: Call, damaged_file: Path
    ) -> None:
        body = (await call("models")).json

        assert [(item["id"], item["path"]) for item in body["unusable"]] == [
            ("cut", str(damaged_file))
        ]
        assert "cut short" in body["unusable"][0]["error"]
        assert "cut" not in [item["id"] for item in body["available"]]
        assert body["adapters"] == []

    async def test_are_listed_in_the_words_of_a_third_api(self, call: Call) -> None:
        await call("load", {"model": "echo"})
        models = {model["id"]: model for model in (await call("api/llms")).json["models"]}

        assert models["echo"]["loaded"]
        assert not models["guide"]["loaded"]
        assert models["guide"]["fit"] == "fits"
        assert models["guide"]["name"] == "guide.gguf"
        assert models["guide"]["memory_bytes"] > models["guide"]["size_bytes"]

    async def test_that_are_unnamed_are_the_default(
        self, call: Call, extension: LLMExtension
    ) -> None:
        assert extension.default_model == "echo"
        answer = await call("v1/chat/completions", {"messages": CHAT["messages"]})

        assert answer.json["model"] == "echo"

    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"default_model": "echo"}
        return jp_server_config


class TestLoading:
    async def test_answers_when_the_model_is_ready(self, script: Script, call: Call) -> None:
        script.loading.clear()
        loading = asyncio.ensure_future(call("load", {"model": "echo"}))
        await asyncio.sleep(0.1)
        assert not loading.done()
        assert (await call("health/ready")).status == 503

        script.loading.set()
        answer = await loading
        assert answer.json["status"] == "ready"
        assert answer.json["model"]["memory"]["weights_bytes"] == 1024
        assert (await call("health/ready")).status == 200

    async def test_passes_options_on_and_leaves_the_others_as_configured(
        self, script: Script, call: Call
    ) -> None:
        await call("load", {"model": "echo", "context_length": 99, "slots": 3, "backend": "echo"})

        assert script.load_options == LoadOptions(
            context_length=99, slots=3, num_threads=1, num_gpu_layers=-1
        )

    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"num_threads": 1}
        return jp_server_config

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"model": "echo", "slots": 0}, "slots"),
            ({"model": "echo", "num_gpu_layers": -2}, "num_gpu_layers"),
            ({"model": "echo", "n_gpu": 1}, "n_gpu"),
            ({"model": "echo", "path": "/x.gguf"}, "path"),
            ({"model": "echo", "repo_id": "org/model"}, "repo_id"),
            ({"filename": "x.gguf"}, "filename"),
        ],
    )
    async def test_refuses_what_it_cannot_honour(
        self, call: Call, body: dict[str, Any], param: str
    ) -> None:
        answer = await call("load", body)

        assert answer.status == 400
        assert answer.error["param"] == param

    @pytest.mark.usefixtures("script")
    async def test_ends_with_unloading(self, call: Call) -> None:
        await call("load", {"model": "echo"})
        answer = await call("unload", {})

        assert answer.json["status"] == "unloaded"
        assert answer.json["id"] == "echo"
        nothing = await call("unload", {})
        assert nothing.status == 400
        assert "none is in memory" in nothing.error["message"]


class TestHealth:
    async def test_goes_from_available_to_ready(self, call: Call) -> None:
        before = (await call("health")).json
        assert before["status"] == "available"
        assert "POST /load" in before["hints"][0]
        assert (await call("health/ready")).status == 503

        await call("load", {"model": "echo"})
        assert (await call("health")).json["status"] == "ready"
        assert (await call("health/ready")).status == 200
        assert (await call("health/live")).status == 200

    async def test_in_detail_names_engines_and_devices(self, call: Call) -> None:
        await call("load", {"model": "echo"})
        body = (await call("api/health")).json

        assert body["status"] == "ready"
        engines = {engine["name"]: engine for engine in body["engines"]}
        assert engines["echo"]["installed"]
        assert engines["echo"]["models"] == [{"id": "echo", "state": "ready", "error": ""}]
        assert body["devices"][0]["total_bytes"] > 0

    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"default_model": "echo"}
        return jp_server_config


class TestWithoutADefaultModel:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"default_model": "nowhere.gguf"}
        return jp_server_config

    async def test_health_is_unloaded_and_says_what_to_do(self, call: Call) -> None:
        body = (await call("health")).json

        assert body["status"] == "unloaded"
        assert "models_dir" in body["hints"][0]

    async def test_a_request_that_names_none_is_404(self, call: Call) -> None:
        answer = await call("v1/chat/completions", {"messages": CHAT["messages"]})

        assert answer.status == 404


async def test_engines_are_listed_with_what_would_install_them(call: Call) -> None:
    body = (await call("backends")).json

    for engine in body["data"]:
        assert engine["formats"]
        assert engine["installed"] or engine["install_command"].startswith(("pip ", "export "))


async def test_memory_is_told_by_whose_it_is(call: Call) -> None:
    [device, *_] = (await call("vram")).json["data"]

    assert device["total_bytes"] == device["used_bytes"] + device["free_bytes"]
    assert 0 < device["own_bytes"] <= device["total_bytes"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequestError("No.", param="seed"), 400),
        (ContextLengthError("Too long."), 400),
        (ModelNotFoundError("None."), 404),
        (ModelFileError("Damaged."), 422),
        (ModelLoadError("Failed."), 503),
        (InsufficientMemoryError("Too big."), 507),
        (EngineUnavailableError("Not installed."), 501),
        (EngineDiedError("Died."), 502),
        (OverloadedError("Full.", retry_after_s=2.2), 503),
        (LLMError("Other."), 500),
    ],
)
async def test_each_error_has_its_status(
    script: Script, call: Call, error: LLMError, status: int
) -> None:
    script.tokens, script.error = (), error
    answer = await call("v1/chat/completions", CHAT)

    assert answer.status == status
    assert answer.error["message"] == error.message
    assert answer.error["param"] == error.param
    assert answer.error["code"] == error.code
    assert answer.headers.get("Retry-After") == ("3" if error.retry_after_s else None)


class TestQueue:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"max_queued_requests": 0, "max_body_bytes": 1000}
        return jp_server_config

    async def test_that_is_full_is_503_with_a_measured_wait(
        self, script: Script, call: Call
    ) -> None:
        await call("load", {"model": "echo"})
        script.decode.clear()
        running = [asyncio.ensure_future(call("v1/chat/completions", CHAT)) for _ in range(2)]
        await script.until_running(2)

        answer = await call("v1/chat/completions", CHAT)
        assert answer.status == 503
        assert answer.error["code"] == "overloaded"
        assert int(answer.headers["Retry-After"]) >= 1
        script.decode.set()
        assert [(await task).status for task in running] == [200, 200]

    async def test_a_body_that_is_too_large_is_413(self, call: Call) -> None:
        long = {**CHAT, "messages": [{"role": "user", "content": "x" * 1000}]}
        answer = await call("v1/chat/completions", long)

        assert answer.status == 413
        assert "1000" in answer.error["message"]


async def test_a_wrong_body_is_400_that_names_the_field(call: Call) -> None:
    answer = await call("v1/chat/completions", {**CHAT, "temperature": 3})

    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == "temperature"


async def test_a_body_that_is_no_json_is_400(call: Call) -> None:
    answer = await call("v1/chat/completions", b"{")

    assert answer.status == 400
    assert "not valid JSON" in answer.error["message"]


class TestSwitch:
    @pytest.mark.parametrize("path", ["switch", "reload"])
    async def test_makes_another_model_answer_where_none_is_named(
        self, call: Call, path: str
    ) -> None:
        answer = await call(path, {"model": "echo"})
        chat = await call("v1/chat/completions", {"messages": CHAT["messages"]})

        assert answer.status == 200
        assert (answer.json["status"], answer.json["id"]) == ("ready", "echo")
        assert chat.json["model"] == "echo"
        assert (await call("models")).json["active"]["id"] == "echo"

    async def test_takes_the_words_of_single_model_servers(self, call: Call) -> None:
        body = {"n_threads": 8, "n_ctx": 4096, "n_gpu_layers": 0, "n_batch": 64, "verbose": False}
        answer = await call("reload", {"model_path": "echo", **body})

        assert answer.status == 200

    async def test_to_an_unknown_model_is_404_and_changes_nothing(self, call: Call) -> None:
        await call("switch", {"model": "echo"})
        answer = await call("switch", {"model": "ecko"})

        assert answer.status == 404
        assert (await call("models")).json["active"]["id"] == "echo"

    async def test_with_two_numbers_for_one_option_is_refused(self, call: Call) -> None:
        answer = await call("reload", {"model": "echo", "n_ctx": 1, "context_length": 2})

        assert answer.status == 400
        assert answer.error["param"] == "n_ctx"

    async def test_downloads_nothing(self, call: Call) -> None:
        answer = await call("switch", {"repo_id": "org/model"})

        assert answer.status == 400
        assert answer.error["param"] == "repo_id"


class TestKeepAlive:
    async def test_of_zero_unloads_the_model_with_its_last_request(self, call: Call) -> None:
        answer = await call("v1/chat/completions", {**CHAT, "keep_alive": 0})
        assert answer.status == 200

        async with asyncio.timeout(10):
            while (await call("v1/models/echo")).json["state"] != "unloaded":
                await asyncio.sleep(0.01)

    async def test_that_is_no_duration_is_refused(self, call: Call) -> None:
        answer = await call("v1/chat/completions", {**CHAT, "keep_alive": "soon"})

        assert answer.status == 400
        assert answer.error["param"] == "keep_alive"
