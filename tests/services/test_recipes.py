"""Recipes: what is shipped, what an operator adds, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_llm.errors import RecipeNotFoundError
from jupyter_llm.services.cookbook import Cookbook
from jupyter_llm.services.recipe import parse

MINIMAL = "kind: inference\ncommand: [serve, '${MODEL}']\n"


def test_what_is_shipped_can_be_read() -> None:
    assert list(Cookbook().recipes()) == [
        "inference/llama-cpp-replicas",
        "inference/llama-cpp-single-node",
        "inference/vllm-cpu",
        "inference/vllm-replicas",
        "inference/vllm-single-node",
        "vector-db/qdrant",
    ]


def test_a_recipe_is_found_with_or_without_its_folder() -> None:
    book = Cookbook()
    assert book.recipe("vllm-replicas") == book.recipe("inference/vllm-replicas")
    assert book.recipe("qdrant").kind == "vector-db"


@pytest.mark.parametrize(
    "name", ["vllm-single", "", "../../etc/passwd", "inference/../inference/vllm-cpu", "a\x00b"]
)
def test_an_unknown_name_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(RecipeNotFoundError, match="inference/vllm-") as caught:
        Cookbook().recipe(name)
    assert caught.value.param == "recipe_name"


def test_an_operators_folder_adds_and_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "inference"
    folder.mkdir()
    (folder / "own.yaml").write_text(MINIMAL)
    (folder / "vllm-replicas.yml").write_text(f"{MINIMAL}description: ours\n")
    book = Cookbook([tmp_path])
    assert book.recipe("own").name == "inference/own"
    assert book.recipe("vllm-replicas").description == "ours"


def test_a_short_name_that_two_folders_have_is_refused_with_both(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/vllm-cpu.yaml").write_text(MINIMAL)
    with pytest.raises(RecipeNotFoundError, match="inference/vllm-cpu, site/vllm-cpu"):
        Cookbook([tmp_path]).recipe("vllm-cpu")


def test_a_damaged_file_costs_that_recipe_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/bad.yaml").write_text("kind: [")
    (tmp_path / "site/binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert len(Cookbook([tmp_path]).recipes()) == len(Cookbook().recipes())
    assert "bad.yaml is left out: not YAML" in caplog.text
    assert "binary.yaml is left out" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "Expected `object`"),
        ("", "Expected `object`"),
        ("kind: inference", "missing required field `command`"),
        (f"{MINIMAL}colour: red", "unknown field `colour`"),
        (f"{MINIMAL}resources: {{gpus: 4}}", "unknown field `gpus`"),
        (f"{MINIMAL}resources: {{memory: lots}}", r"\$\.resources\.memory"),
        (f"{MINIMAL}environment: {{path: x}}", r"\$\.environment"),
        ("kind: web\ncommand: [a]", r"\$\.kind"),
        ("kind: inference\ncommand: []", r"\$\.command"),
        ("kind: inference\ncommand: ['${NOBODY}']", "no variable NOBODY"),
        (f"{MINIMAL}environment: {{A: '${{B}}', B: x}}", "no variable B"),
        ("kind: !!python/object/apply:os.system [id]\ncommand: [a]", "not YAML"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text, "site/own")
