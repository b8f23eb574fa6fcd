from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from traitlets import TraitError

from jupyter_llm import environment
from jupyter_llm.app import LLMExtension

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.*?) ?\| (.*) \|$", re.MULTILINE)
TRAITS = LLMExtension.class_own_traits(config=True)


def documented() -> dict[str, tuple[str, list[str], str]]:
    """Default, environment variables and meaning of each trait in the document."""
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    return {name: (default, re.findall(r"\w+", env), text) for name, default, env, text in rows}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, names, _ in documented().values():
        for name in names:
            monkeypatch.delenv(name, raising=False)


def help_of(name: str) -> tuple[str, list[str]]:
    """A trait's help without its defaults, and the environment variables it names."""
    meaning, _, default = re.sub(r"\s+", " ", TRAITS[name].help).partition(" Default: ")
    return meaning, re.findall(r"\b[A-Z]+_[A-Z_]+\b", default)


def test_the_document_has_every_trait_and_no_other() -> None:
    assert documented().keys() == TRAITS.keys()


@pytest.mark.parametrize("name", TRAITS)
def test_the_document_says_what_the_help_says(name: str) -> None:
    default, variables, meaning = documented()[name]

    assert (meaning, variables) == help_of(name)
    if name not in {"models_dir", "hf_cache_dir", "ledger_dir", "registry_url", "vectors_dir"}:
        assert default == f"`{getattr(LLMExtension(), name)}`"


def test_models_lie_in_jupyters_data_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))

    assert Path(LLMExtension().models_dir) == tmp_path / "jupyter_llm" / "models"


@pytest.mark.parametrize(
    ("variable", "value", "trait", "expected"),
    [
        ("MODELS_DIR", "/a", "models_dir", "/a"),
        ("LLM_SERVICE_MODELS_DIR", "/b", "models_dir", "/b"),
        ("LLM_MODEL_PATH", "/c", "models_dir", "/c"),
        ("HF_HUB_CACHE", "/h", "hf_cache_dir", "/h"),
        ("HF_HOME", "/h", "hf_cache_dir", "/h/hub"),
        ("LLM_ALLOWED_MODELS", "one, two,", "allowed_models", ["one", "two"]),
        ("LLM_ALLOWED_MODELS", "*", "allowed_models", ["*"]),
        ("MODEL_PATH", "/a/x.gguf", "default_model", "/a/x.gguf"),
        ("AUTO_PRELOAD", "true", "preload", True),
        ("AUTO_PRELOAD", "0", "preload", False),
        ("AUTO_REPO_ID", "org/name", "auto_repo_id", "org/name"),
        ("AUTO_FILENAME", "x.gguf", "auto_filename", "x.gguf"),
        ("AUTO_IF_MISSING", "", "auto_if_missing", True),
        ("AUTO_IF_MISSING", "false", "auto_if_missing", False),
        ("N_THREADS", "3", "num_threads", 3),
        ("N_CTX", "4096", "context_length", 4096),
        ("N_BATCH", "256", "batch_size", 256),
        ("N_GPU_LAYERS", "0", "num_gpu_layers", 0),
        ("LLM_DEFAULT_TEMPERATURE", "0.2", "default_temperature", 0.2),
        ("LLM_DEFAULT_TOP_P", "0.5", "default_top_p", 0.5),
        ("LLM_DEFAULT_MAX_TOKENS", "512", "default_max_tokens", 512),
        ("LLM_MAX_TOKENS_LIMIT", "4096", "max_tokens_limit", 4096),
        ("LLM_MAX_CONCURRENT_REQUESTS", "10", "max_concurrent_requests", 10),
    ],
)
def test_a_variable_sets_the_default_of_its_trait(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, trait: str, expected: Any
) -> None:
    monkeypatch.setenv(variable, value)

    assert getattr(LLMExtension(), trait) == expected


def test_every_variable_of_the_document_is_tested_above() -> None:
    marks = test_a_variable_sets_the_default_of_its_trait.pytestmark
    tested = {variable for variable, *_ in marks[0].args[1]}

    assert tested == {name for _, names, _ in documented().values() for name in names}


def test_the_configuration_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("N_CTX", "1")

    assert LLMExtension(context_length=2).context_length == 2


@pytest.mark.parametrize(
    ("variable", "value", "trait"),
    [
        ("N_CTX", "many", "context_length"),
        ("LLM_DEFAULT_TOP_P", "high", "default_top_p"),
        ("AUTO_PRELOAD", "perhaps", "preload"),
    ],
)
def test_a_variable_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, trait: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ValueError, match=f"{variable} is '{value}'"):
        getattr(LLMExtension(), trait)


def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_DEFAULT_TEMPERATURE", "3")

    with pytest.raises(TraitError, match="default_temperature"):
        _ = LLMExtension().default_temperature


def test_variables_of_kernels_are_those_of_the_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What the server tells kernels")[2]

    assert tuple(re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) == environment.EXPORTED


class TestTheConfiguredServer:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {
            "models_dir": "/one:~/two",
            "allowed_models": ["echo"],
            "default_model": "echo",
            "context_length": 64,
            "max_concurrent_requests": 3,
        }
        return jp_server_config

    def test_has_what_it_was_told(self, llm_server: ServerApp) -> None:
        settings = llm_server.web_app.settings["llm"].manager_settings(under_hub=False)

        assert settings.models_dirs == ("/one", str(Path("~/two").expanduser()))
        assert settings.allowed_models == ("echo",)
        assert settings.default_options.context_length == 64
        assert settings.default_options.slots == 3


class TestTheConfigurationFile:
    @pytest.fixture
    def jp_server_config(
        self, jp_server_config: dict[str, Any], jp_config_dir: Path
    ) -> dict[str, Any]:
        text = "c.LLMExtension.context_length = 77\nc.LLMExtension.default_model = 'echo'\n"
        (jp_config_dir / "jupyter_llm_config.py").write_text(text)
        return jp_server_config

    def test_is_jupyter_llm_config(self, llm_server: ServerApp) -> None:
        extension = llm_server.web_app.settings["llm"]

        assert extension.context_length == 77
        assert extension.default_model == "echo"
