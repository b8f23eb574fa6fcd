"""Models in several places: the models folders, shared ones, the Hugging Face cache, paths."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gguf_files import write_gguf
from model_folders import into_cache, write_folder

from jupyter_llm.errors import ModelNotFoundError
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.library.hf_cache import default_cache
from jupyter_llm.types import ModelSource

if TYPE_CHECKING:
    from jupyter_llm.types import Model

BUILT_IN = {"echo", "guide"}


def listed(found: Catalogue) -> dict[str, Model]:
    models = asyncio.run(found.models())
    return {model.id: model for model in models if model.id not in BUILT_IN}


def resolve(found: Catalogue, name: str) -> Model:
    return asyncio.run(found.resolve(name))


def test_the_first_place_that_has_a_name_keeps_it(tmp_path: Path) -> None:
    own, shared, cache = tmp_path / "own", tmp_path / "shared", tmp_path / "hub"
    paths = [write_gguf(own / "m.gguf"), write_gguf(shared / "m.gguf")]
    write_gguf(tmp_path / "new" / "m.gguf")
    snapshot = into_cache(cache, "org/name", tmp_path / "new")
    paths.append(snapshot / "m.gguf")
    found = Catalogue([str(own)], None, shared_dirs=[str(shared)], hf_cache_dir=str(cache))
    assert {name: model.source for name, model in listed(found).items()} == {
        "m": ModelSource.MODELS_DIR,
        "shared/m": ModelSource.SHARED,
        "org/name/m": ModelSource.HF_CACHE,
    }
    assert [resolve(found, str(path)).path for path in paths] == [str(path) for path in paths]
    assert resolve(found, "m").path == str(paths[0])


def test_ids_are_the_same_at_every_look(tmp_path: Path) -> None:
    for place in ("a/m.gguf", "b/m.gguf", "b/c/m.gguf", "z.gguf"):
        write_gguf(tmp_path / "models" / place)
    ids = [list(listed(Catalogue([str(tmp_path / "models")], None))) for _ in range(2)]
    assert ids[0] == ids[1] == ["z", "m", "models/b/m", "models/b/c/m"]


def test_a_folder_inside_another_place_is_listed_once(tmp_path: Path) -> None:
    write_gguf(tmp_path / "deep" / "m.gguf")
    found = Catalogue([str(tmp_path)], None, shared_dirs=[str(tmp_path / "deep")])
    assert {name: model.source for name, model in listed(found).items()} == {
        "m": ModelSource.MODELS_DIR
    }


def test_a_cached_repository_of_safetensors_has_its_own_name(tmp_path: Path) -> None:
    snapshot = into_cache(tmp_path / "hub", "org/a--b", write_folder(tmp_path / "new"))
    found = Catalogue([], None, hf_cache_dir=str(tmp_path / "hub"))
    [(name, model)] = listed(found).items()
    assert (name, model.path, model.source) == ("org/a--b", str(snapshot), ModelSource.HF_CACHE)
    assert model.num_parameters == 32
    assert resolve(found, str(snapshot)).id == name


def test_of_a_cached_repository_the_revision_of_main_counts(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    for revision, length in (("a" * 40, 100), ("b" * 40, 200)):
        write_gguf(tmp_path / "new" / "m.gguf", context_length=length)
        into_cache(cache, "org/name", tmp_path / "new", revision=revision)
    found = Catalogue([], None, hf_cache_dir=str(cache))
    assert [model.context_length for model in listed(found).values()] == [200]
    refs = cache / "models--org--name" / "refs" / "main"
    refs.write_text("a" * 40)
    assert [model.context_length for model in listed(found).values()] == [100]
    for gone in ("c" * 40, "../../../elsewhere", ""):
        refs.write_text(gone)
        os.utime(cache / "models--org--name" / "snapshots" / ("b" * 40), (2e9, 2e9))
        assert [model.context_length for model in listed(found).values()] == [200]


def test_links_of_the_cache_lead_into_its_blobs_and_nowhere_else(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    write_gguf(tmp_path / "new" / "m.gguf")
    snapshot = into_cache(cache, "org/name", tmp_path / "new")
    (snapshot / "outside.gguf").symlink_to(write_gguf(tmp_path / "outside.gguf"))
    write_gguf(tmp_path / "new" / "n.gguf")
    other = into_cache(cache, "org/other", tmp_path / "new")
    (snapshot / "others.gguf").symlink_to((other / "n.gguf").resolve())
    (snapshot / "plain.gguf").write_bytes((snapshot / "m.gguf").read_bytes())
    found = Catalogue([], None, hf_cache_dir=str(cache))
    assert listed(found).keys() == {"m", "n", "plain"}
    with pytest.raises(ModelNotFoundError):
        resolve(found, str(tmp_path / "outside.gguf"))


def test_a_cache_that_is_not_wanted_or_not_there_is_passed_over(tmp_path: Path) -> None:
    write_gguf(tmp_path / "new" / "m.gguf")
    into_cache(tmp_path / "hub", "org/name", tmp_path / "new")
    (tmp_path / "hub" / "models--org--broken").write_text("a file")
    (tmp_path / "hub" / "models--org--empty" / "snapshots").mkdir(parents=True)
    assert listed(Catalogue([], None, hf_cache_dir=str(tmp_path / "hub"))).keys() == {"m"}
    assert listed(Catalogue([], None)) == {}
    assert listed(Catalogue([], None, hf_cache_dir=str(tmp_path / "absent"))) == {}


def test_what_the_operator_names_is_found_wherever_it_lies(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "far" / "m.gguf")
    write_gguf(tmp_path / "far" / "beside.gguf")
    write_gguf(tmp_path / "far" / "below" / "n.gguf")
    link = tmp_path / "linked.gguf"
    link.symlink_to(model)
    folder = write_folder(tmp_path / "folder")
    named = [str(model), str(link), str(folder), str(tmp_path / "absent.gguf")]
    found = Catalogue([], None, paths=named)
    assert {name: each.source for name, each in listed(found).items()} == {
        "m": ModelSource.PATH,
        "linked": ModelSource.PATH,
        "folder": ModelSource.PATH,
    }
    assert resolve(found, str(model)).id == "m"
    with pytest.raises(ModelNotFoundError):
        resolve(found, str(tmp_path / "far" / "beside.gguf"))


def test_what_other_processes_do_is_seen_at_once(tmp_path: Path) -> None:
    found = Catalogue([str(tmp_path / "own")], None, shared_dirs=[str(tmp_path / "shared")])
    assert listed(found) == {}
    script = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
    write_gguf(tmp_path / "new" / "m.gguf")
    for place in ("own", "shared"):
        command = [sys.executable, "-c", script, str(tmp_path / "new"), str(tmp_path / place)]
        subprocess.run(command, check=True, timeout=60)
    assert listed(found).keys() == {"m", "shared/m"}
    (tmp_path / "own" / "m.gguf").unlink()
    assert {name: model.source for name, model in listed(found).items()} == {
        "m": ModelSource.SHARED
    }


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HF_HOME": "/data/hf"},
        {"HF_HOME": "~/hf"},
        {"XDG_CACHE_HOME": "/data/cache"},
        {"HF_HUB_CACHE": "/data/hub", "HF_HOME": "/data/hf"},
        {"HUGGINGFACE_HUB_CACHE": "$HOME/old"},
    ],
)
def test_the_cache_lies_where_huggingface_hub_says(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    script = "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert default_cache() == Path(answer.stdout.strip())
