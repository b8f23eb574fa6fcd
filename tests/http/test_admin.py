from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engines.tiny_gguf import write_tiny_gguf

from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.types import RemovedModel

if TYPE_CHECKING:
    from conftest import Call

    from jupyter_llm.app import LLMExtension

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}
SETTINGS = "api/admin/models/echo/settings"


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "org").mkdir(parents=True)
    write_tiny_gguf(folder / "org" / "tiny.gguf")
    (tmp_path / "shared").mkdir()
    write_tiny_gguf(tmp_path / "shared" / "ours.gguf")
    return folder


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], models_dir: Path) -> dict[str, Any]:
    jp_server_config["LLMExtension"] = {
        "models_dir": str(models_dir),
        "shared_models_dirs": [str(models_dir.parent / "shared")],
        "model_aliases": {"best": "echo"},
        "pinned_models": ["guide"],
    }
    return jp_server_config


def damage_registry(extension: LLMExtension) -> None:
    path = Path(extension.registry_url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"This is no database." * 100)


class TestStatus:
    async def test_tells_how_everything_is(self, call: Call) -> None:
        await call("load", {"model": "echo"})
        status = (await call("api/admin/status")).json

        assert status["status"] == "ready"
        assert [model["id"] for model in status["models"]] == ["echo"]
        assert {engine["name"] for engine in status["engines"]} >= {"llama_cpp", "echo"}
        assert status["devices"]
        assert status["downloads"] == {}
        assert status["registry"] == {"status": "ready", "error": ""}

    async def test_tells_of_a_damaged_registry(self, call: Call, extension: LLMExtension) -> None:
        damage_registry(extension)
        registry = (await call("api/admin/status")).json["registry"]

        assert registry["status"] == "failed"
        assert "is damaged" in registry["error"]


class TestModels:
    async def test_are_listed_with_their_use(self, call: Call, extension: LLMExtension) -> None:
        usage = (await call("v1/chat/completions", CHAT)).json["usage"]
        await call("v1/chat/completions", CHAT)
        await extension.recorder._write()
        listed = {m["id"]: m for m in (await call("api/admin/models")).json["models"]}

        assert listed.keys() == {"echo", "guide", "tiny", "ours"}
        echo = listed["echo"]
        assert echo["state"] == "ready"
        assert echo["usage"] == {
            "num_requests": 2,
            "num_prompt_tokens": 2 * usage["prompt_tokens"],
            "num_completion_tokens": 2 * usage["completion_tokens"],
        }
        assert echo["first_seen_at"] <= echo["last_used_at"]
        assert listed["guide"]["settings"]["configured"]["pinned"]
        assert (await call("api/admin/models/best")).json == echo

    async def test_are_known_once_they_were_listed(
        self, call: Call, extension: LLMExtension
    ) -> None:
        assert (await call("api/admin/models/tiny")).json["first_seen_at"] is None
        await call("models")
        await extension.recorder._write()

        tiny = (await call("api/admin/models/tiny")).json
        assert tiny["first_seen_at"]
        assert tiny["last_used_at"] is None
        assert tiny["usage"]["num_requests"] == 0

    async def test_are_listed_without_a_registry(self, call: Call, extension: LLMExtension) -> None:
        damage_registry(extension)
        listed = (await call("api/admin/models")).json

        assert listed["registry"]["status"] == "failed"
        assert {model["usage"]["num_requests"] for model in listed["models"]} == {0}
        assert (await call("v1/chat/completions", CHAT)).status == 200

    async def test_are_loaded_and_unloaded_by_their_path(self, call: Call) -> None:
        loaded = (await call("api/admin/models/best/load", {"context_length": 512})).json
        assert loaded["id"] == "echo"
        assert loaded["model"]["stats"]["context_length"] == 512
        unloaded = (await call("api/admin/models/echo/unload", b"")).json
        assert unloaded["status"] == "unloaded"
        assert (await call("api/admin/models/echo/load", b"")).json["status"] == "ready"

    @pytest.mark.parametrize("field", ["model", "path", "repo_id"])
    async def test_are_named_once(self, call: Call, field: str) -> None:
        answer = await call("api/admin/models/echo/load", {field: "org/other"})

        assert answer.status == 400
        assert answer.error["param"] == "model"

    async def test_that_are_unknown_are_404(self, call: Call) -> None:
        for path, method in (("", "GET"), ("", "DELETE"), ("/load", "POST"), ("/unload", "POST")):
            answer = await call(f"api/admin/models/ecko{path}", b"", method=method)
            assert answer.status == 404
            assert "echo" in answer.error["message"]


class TestDeletion:
    async def test_unloads_and_leaves_nothing_behind(
        self, call: Call, models_dir: Path, extension: LLMExtension
    ) -> None:
        await call("api/admin/models/tiny/settings", {"aliases": ["mine"], "pinned": True})
        await call("api/admin/models/mine/load", b"")
        await extension.recorder._write()
        size = next(models_dir.rglob("*.gguf")).stat().st_size  # noqa: ASYNC240

        with extension.events.subscribe(["removed"]) as told:
            answer = await call("api/admin/models/mine", method="DELETE")
            event = await anext(told)
        assert answer.json == {"status": "removed", "id": "tiny", "freed_bytes": size}
        assert event.payload == RemovedModel(model_id="tiny", freed_bytes=size)
        assert not list(models_dir.iterdir())  # noqa: ASYNC240
        assert extension.manager.loaded() == ()
        for name in ("tiny", "mine"):
            assert (await call(f"api/admin/models/{name}")).status == 404
            assert (await call(f"api/admin/models/{name}/settings")).status == 404

    @pytest.mark.parametrize("name", ["echo", "guide", "ours"])
    async def test_refuses_what_is_not_this_servers(
        self, call: Call, name: str, models_dir: Path
    ) -> None:
        await call("api/admin/models/echo/load", b"")
        answer = await call(f"api/admin/models/{name}", method="DELETE")

        assert answer.status == 400
        assert answer.error["param"] == "id"
        assert GUIDE_PATH.exists()
        assert (models_dir.parent / "shared" / "ours.gguf").exists()
        assert (await call("health")).json["status"] == "ready"

    @pytest.mark.parametrize("path", ["..%2Fshared%2Fours.gguf", "%2Fetc%2Fpasswd"])
    async def test_finds_no_path_out_of_the_folders(
        self, call: Call, path: str, models_dir: Path
    ) -> None:
        assert (await call(f"api/admin/models/{path}", method="DELETE")).status in {400, 404}
        assert (models_dir.parent / "shared" / "ours.gguf").exists()

    async def test_goes_on_without_a_registry(
        self, call: Call, models_dir: Path, extension: LLMExtension
    ) -> None:
        damage_registry(extension)

        assert (await call("api/admin/models/tiny", method="DELETE")).status == 200
        assert not list(models_dir.iterdir())  # noqa: ASYNC240


class TestSettings:
    async def test_are_empty_at_first(self, call: Call) -> None:
        assert (await call(SETTINGS)).json == {
            "id": "echo",
            "aliases": [],
            "options": {},
            "pinned": False,
            "keep_alive_s": None,
            "configured": {"aliases": ["best"], "options": {}, "pinned": False},
        }

    async def test_decide_how_the_model_is_loaded(self, call: Call) -> None:
        saved = await call(SETTINGS, {"aliases": ["gpt-4o"], "options": {"context_length": 512}})
        assert saved.json["aliases"] == ["gpt-4o"]

        loaded = (await call("load", {"model": "gpt-4o"})).json
        assert loaded["id"] == "echo"
        assert loaded["model"]["stats"]["context_length"] == 512
        chat = await call("v1/chat/completions", {**CHAT, "model": "gpt-4o"})
        assert chat.json["model"] == "echo"

    async def test_change_field_by_field(self, call: Call) -> None:
        await call(SETTINGS, {"aliases": ["a", "b"], "pinned": True, "keep_alive": "1h"})
        await call(SETTINGS, {"aliases": ["b", "c"], "keep_alive": -1})
        changed = (await call(SETTINGS, {"pinned": None})).json

        assert changed["aliases"] == ["b", "c"]
        assert changed["pinned"] is False
        assert changed["keep_alive_s"] == -1
        assert (await call(SETTINGS)).json == changed

    async def test_can_be_taken_back(self, call: Call) -> None:
        first = (await call(SETTINGS)).json
        await call(SETTINGS, {"aliases": ["a"], "options": {"slots": 2}, "pinned": True})

        assert (await call(SETTINGS, method="DELETE")).json == first
        assert (await call("api/admin/models/a")).status == 404

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"aliases": ["guide"]}, "aliases"),
            ({"aliases": ["best"]}, "aliases"),
            ({"aliases": [""]}, "aliases[0]"),
            ({"aliases": [" x"]}, "aliases[0]"),
            ({"aliases": "x"}, "aliases"),
            ({"options": {"slots": 0}}, "options.slots"),
            ({"options": {"model": "x"}}, "options.model"),
            ({"pinned": "yes"}, "pinned"),
            ({"keep_alive": "soon"}, "keep_alive"),
            ({"unknown": 1}, "unknown"),
        ],
    )
    async def test_that_cannot_be_are_refused_by_name(
        self, call: Call, body: dict[str, Any], param: str
    ) -> None:
        answer = await call(SETTINGS, body)

        assert answer.status == 400
        assert answer.error["param"].replace("[...]", "[0]") == param
        assert (await call(SETTINGS)).json["aliases"] == []

    async def test_an_alias_belongs_to_one_model(self, call: Call) -> None:
        await call(SETTINGS, {"aliases": ["a"]})
        answer = await call("api/admin/models/guide/settings", {"aliases": ["a"]})

        assert answer.status == 400
        assert "belongs to echo" in answer.error["message"]

    async def test_of_a_model_that_is_gone_can_be_taken_back(
        self, call: Call, models_dir: Path
    ) -> None:
        path = "api/admin/models/tiny/settings"
        await call(path, {"aliases": ["mine"]})
        (models_dir / "org" / "tiny.gguf").unlink()

        assert (await call(path)).json["aliases"] == ["mine"]
        assert (await call(path, method="DELETE")).status == 200
        assert (await call(path)).status == 404

    async def test_need_a_registry(self, call: Call, extension: LLMExtension) -> None:
        damage_registry(extension)
        answer = await call(SETTINGS, {"pinned": True})

        assert answer.status == 503
        assert answer.error["code"] == "registry_unavailable"
        assert "is damaged" in answer.error["message"]
