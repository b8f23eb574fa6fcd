from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from model_folders import write_folder

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.library.catalogue import ECHO
from jupyter_llm.library.removal import remove_files
from jupyter_llm.types import Model, ModelSource


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder that may be deleted from."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def write(path: Path, num_bytes: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * num_bytes)
    return path


def model(path: Path) -> Model:
    return Model(id=path.stem, path=str(path), format="gguf", engine="llama_cpp")


def test_a_file_goes_and_its_neighbours_stay(own: Path) -> None:
    gone, kept = write(own / "a.gguf"), write(own / "b.gguf")

    assert remove_files(model(gone), [str(own)]) == 10
    assert not gone.exists()
    assert kept.exists()


def test_all_parts_of_a_split_model_go(own: Path) -> None:
    parts = [write(own / "org" / f"a-0000{n}-of-00003.gguf") for n in (1, 2, 3)]
    other = write(own / "org" / "a-00001-of-00002.gguf")

    assert remove_files(model(parts[0]), [str(own)]) == 30
    assert list(own.rglob("*.gguf")) == [other]


def test_folders_that_become_empty_go_but_not_the_folder_of_models(own: Path) -> None:
    remove_files(model(write(own / "org" / "repo" / "a.gguf")), [str(own)])
    assert list(own.iterdir()) == []

    write(own / "org" / "other" / "kept.txt")
    remove_files(model(write(own / "org" / "repo" / "a.gguf")), [str(own)])
    assert [path.name for path in (own / "org").iterdir()] == ["other"]


@pytest.mark.parametrize("builtin", [ECHO, model(GUIDE_PATH)], ids=["echo", "guide"])
def test_what_is_built_in_stays(builtin: Model) -> None:
    with pytest.raises(InvalidRequestError, match="built in"):
        remove_files(builtin, [str(GUIDE_PATH.parent)])
    assert GUIDE_PATH.exists()


@pytest.mark.parametrize("source", [ModelSource.SHARED, ModelSource.HF_CACHE, ModelSource.PATH])
def test_what_others_keep_is_left_alone(own: Path, source: ModelSource) -> None:
    path = write(own / "shared" / "a.gguf")
    with pytest.raises(InvalidRequestError, match="not below models_dir"):
        remove_files(replace(model(path), source=source), [str(own)])
    assert path.exists()


def test_a_shared_folder_inside_is_left_alone(own: Path) -> None:
    path = write(own / "shared" / "a.gguf")
    for shared in (path.parent, own):
        with pytest.raises(InvalidRequestError, match="not below models_dir"):
            remove_files(model(path), [str(own)], [str(shared)])
    assert path.exists()
    remove_files(model(path), [str(own)], [str(own.parent)])
    assert not path.exists()


def test_no_path_leads_out_of_the_folder(own: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "a.gguf")
    (own / "link").symlink_to(outside.parent)

    for path in (outside, own / ".." / "outside" / "a.gguf", own / "link" / "a.gguf"):
        with pytest.raises(InvalidRequestError, match="not below models_dir"):
            remove_files(model(path), [str(own)])
    assert outside.exists()


def test_a_link_goes_and_its_target_stays(own: Path, tmp_path: Path) -> None:
    target = write(tmp_path / "outside" / "a.gguf")
    link = own / "a.gguf"
    link.symlink_to(target)
    remove_files(model(link), [str(own)])

    assert not link.is_symlink()
    assert target.exists()


def test_the_folder_may_be_reached_by_a_link(own: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(own)
    write(own / "org" / "a.gguf")
    remove_files(model(tmp_path / "way" / "org" / "a.gguf"), [str(tmp_path / "way")])

    assert list(own.iterdir()) == []


def test_of_a_folder_goes_what_belongs_to_the_model(own: Path) -> None:
    others = {"tokenizer.json": "{}", "chat_template.jinja": ""}
    folder = write_folder(own / "org" / "tiny", num_parts=2, others=others)
    notes = write(folder / "notes.txt")
    assert remove_files(model(folder), [str(own)]) > 256
    assert list(folder.iterdir()) == [notes]

    folder = write_folder(own / "org" / "other", others=others)
    remove_files(model(folder), [str(own)])
    assert not folder.exists()


def test_a_model_that_is_gone_is_told(own: Path) -> None:
    with pytest.raises(InvalidRequestError, match="not there any more"):
        remove_files(model(own / "a.gguf"), [str(own)])


def test_a_disk_that_refuses_is_told(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(own / "a.gguf")

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(InvalidRequestError, match=r"a\.gguf cannot be deleted \(Permission"):
        remove_files(model(path), [str(own)])
