from __future__ import annotations

import asyncio
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gguf_files import write_gguf

from jupyter_llm.errors import ModelFileError, ModelNotFoundError
from jupyter_llm.library import catalogue as module
from jupyter_llm.library import describe
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.library.files import FoundFile, group_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import Model


@pytest.fixture(autouse=True)
def guide(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A guide of a few bytes, so that these tests need no trained one."""
    path = write_gguf(tmp_path_factory.mktemp("package") / "guide" / "guide.gguf")
    monkeypatch.setattr(module, "GUIDE_PATH", path)
    return path


def catalogue(*folders: Path, allowed: Sequence[str] | None = None) -> Catalogue:
    return Catalogue([str(folder) for folder in folders], allowed)


def ids(found: Catalogue) -> list[str]:
    return [model.id for model in asyncio.run(found.models())]


def resolve(found: Catalogue, name: str) -> Model:
    return asyncio.run(found.resolve(name))


def test_the_built_in_models_are_always_there(tmp_path: Path) -> None:
    assert ids(catalogue(tmp_path / "absent")) == ["echo", "guide"]


def test_lists_files_by_name_from_every_folder_below(tmp_path: Path) -> None:
    write_gguf(tmp_path / "b.gguf")
    write_gguf(tmp_path / "deep" / "er" / "a.gguf")
    (tmp_path / "notes.txt").write_text("no model")
    assert ids(catalogue(tmp_path)) == ["echo", "guide", "b", "a"]


def test_says_of_a_model_what_its_file_says(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "small.gguf", context_length=99, chat_template="")
    model = resolve(catalogue(tmp_path), "small")
    assert model.path == str(path)
    assert (model.format, model.engine, model.architecture) == ("gguf", "llama_cpp", "llama")
    assert (model.quantization, model.num_parameters) == ("Q8_0", 256)
    assert (model.context_length, model.has_chat_template) == (99, False)
    assert model.size_bytes == path.stat().st_size


def test_a_model_is_found_by_id_file_name_and_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "sub" / "m.gguf")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = catalogue(tmp_path)
    for name in ("m", "m.gguf", "sub/m.gguf", str(path), f"{tmp_path}/sub/../sub/m.gguf"):
        assert resolve(found, name).path == str(path)
    assert resolve(found, "~/sub/m.gguf").path == str(path)


def test_the_guide_is_found_by_its_path(guide: Path) -> None:
    assert resolve(catalogue(), str(guide)).id == "guide"


def test_a_path_outside_the_folders_is_not_found_whether_it_exists_or_not(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    outside = write_gguf(tmp_path / "outside.gguf")
    found = catalogue(tmp_path / "models")
    messages = []
    for path in (outside, tmp_path / "absent.gguf", Path("../outside.gguf"), Path("/etc/passwd")):
        with pytest.raises(ModelNotFoundError) as refused:
            resolve(found, str(path))
        messages.append(refused.value.message.replace(str(path), "PATH"))
    assert len(set(messages)) == 1


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write_gguf(tmp_path / ".hidden.gguf")
    write_gguf(tmp_path / ".cache" / "m.gguf")
    assert ids(catalogue(tmp_path)) == ["echo", "guide"]


def test_links_count_only_where_they_stay_inside(tmp_path: Path) -> None:
    outside = write_gguf(tmp_path / "outside" / "far.gguf")
    blob = write_gguf(tmp_path / "models" / "blobs" / "0123.bin")
    inside = tmp_path / "models"
    (inside / "near.gguf").symlink_to(blob)
    (inside / "far.gguf").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    (inside / "loop.gguf").symlink_to(inside / "loop.gguf")
    assert ids(catalogue(inside)) == ["echo", "guide", "near"]


def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    assert ids(catalogue(tmp_path)) == ["echo", "guide"]


def test_a_split_model_is_one_model(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_gguf(tmp_path / f"big-0000{number}-of-00003.gguf")
    model = resolve(catalogue(tmp_path), "big")
    assert model.path == str(tmp_path / "big-00001-of-00003.gguf")
    assert model.num_parameters == 3 * 256
    assert model.size_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert resolve(catalogue(tmp_path), "big-00002-of-00003.gguf").id == "big"


def test_a_split_model_without_one_of_its_parts_is_refused(tmp_path: Path) -> None:
    for number in (1, 3):
        write_gguf(tmp_path / f"big-0000{number}-of-00003.gguf")
    found = catalogue(tmp_path)
    assert ids(found) == ["echo", "guide"]
    with pytest.raises(ModelFileError, match="3 files, and only 2"):
        resolve(found, "big")


def test_parts_of_different_splits_do_not_mix() -> None:
    names = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "a-00001-of-00001.gguf", "a.gguf"]
    paths = [f"/x/{name}" for name in names] + ["/y/a-00001-of-00002.gguf"]
    found = [FoundFile(path, 1, 1, number) for number, path in enumerate(paths)]
    groups = [(files.num_parts, len(files.files)) for files in group_parts(found)]
    assert sorted(groups) == [(1, 2), (2, 1), (2, 2)]


def test_a_damaged_file_is_not_listed_and_says_why_when_asked_for(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "cut.gguf")
    path.write_bytes(path.read_bytes()[:-300])
    found = catalogue(tmp_path)
    assert ids(found) == ["echo", "guide"]
    with pytest.raises(ModelFileError, match="cut: The file is cut short"):
        resolve(found, "cut")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"architecture": "clip"}, "image projector"),
        ({"kind": "adapter"}, "adapter"),
        ({"num_tensors": 0}, "no weights"),
        ({"architecture": ""}, "no architecture"),
    ],
)
def test_what_is_no_model_of_its_own_is_not_listed(
    tmp_path: Path, written: dict[str, object], says: str
) -> None:
    write_gguf(tmp_path / "other.gguf", **written)
    found = catalogue(tmp_path)
    assert "other" not in ids(found)
    with pytest.raises(ModelFileError, match=says):
        resolve(found, "other")


def test_a_name_that_is_taken_gets_its_folder_in_front(tmp_path: Path) -> None:
    for place in ("one/m.gguf", "two/m.gguf", "guide.gguf"):
        write_gguf(tmp_path / "models" / place)
    found = catalogue(tmp_path / "models")
    assert ids(found) == ["echo", "guide", "models/guide", "m", "models/two/m"]
    assert resolve(found, "models/two/m").path.endswith("/two/m.gguf")


def test_a_folder_named_twice_is_listed_once(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf")
    assert ids(catalogue(tmp_path, tmp_path)) == ["echo", "guide", "m"]


def test_only_allowed_models_are_listed_and_found(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf")
    write_gguf(tmp_path / "n.gguf")
    found = catalogue(tmp_path, allowed=["guide", "n"])
    assert ids(found) == ["guide", "n"]
    for name in ("m", str(path), "echo"):
        with pytest.raises(ModelNotFoundError, match="may not be used"):
            resolve(found, name)


def test_close_names_are_offered_but_none_that_are_not_allowed(tmp_path: Path) -> None:
    write_gguf(tmp_path / "qwen-0.5b-q8.gguf")
    with pytest.raises(ModelNotFoundError, match=r"Did you mean qwen-0\.5b-q8\?"):
        resolve(catalogue(tmp_path), "qwen-0.5b-q4.gguf")
    with pytest.raises(ModelNotFoundError) as refused:
        resolve(catalogue(tmp_path, allowed=["guide"]), "qwen-0.5b-q4")
    assert "q8" not in refused.value.message


@pytest.fixture
def headers_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose header has been read."""
    names: list[str] = []
    really = describe.read_header
    monkeypatch.setattr(
        describe, "read_header", lambda path: names.append(path.name) or really(path)
    )
    return names


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, headers_read: list[str]) -> None:
    path = write_gguf(tmp_path / "m.gguf", context_length=100)
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF")
    found = catalogue(tmp_path)
    assert ids(found) == ids(found) == ["echo", "guide", "m"]
    assert headers_read == ["guide.gguf", "damaged.gguf", "m.gguf"]
    shutil.copy(write_gguf(tmp_path / "new" / "n.gguf", context_length=2000), path)
    os.utime(path, ns=(1, 1))
    assert resolve(found, "m").context_length == 2000
    assert headers_read[3:] == ["m.gguf", "n.gguf"]
    path.unlink()
    assert "m" not in ids(found)


def test_a_file_that_was_replaced_is_noticed_by_its_inode(
    tmp_path: Path, headers_read: list[str]
) -> None:
    path = write_gguf(tmp_path / "m.gguf", context_length=100)
    found = catalogue(tmp_path)
    before = path.stat()
    assert resolve(found, "m").context_length == 100
    other = write_gguf(tmp_path / ".new" / "m.gguf", context_length=200)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert resolve(found, "m").context_length == 200


def test_many_callers_share_a_look_and_read_a_file_once(
    tmp_path: Path, headers_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(tmp_path / "m.gguf")
    looks: list[int] = []
    really = module._scan
    monkeypatch.setattr(module, "_scan", lambda *given: looks.append(1) or really(*given))

    async def ask() -> None:
        found = catalogue(tmp_path)
        await asyncio.gather(*(found.models() for _ in range(20)))

    asyncio.run(ask())
    assert headers_read == ["guide.gguf", "m.gguf"]
    assert len(looks) == 2, "the first caller's, and one that began after all the others came"


def test_a_look_sees_what_came_while_another_one_was_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, may_end = threading.Event(), threading.Event()
    really = module._scan

    def slow(*given: Any) -> Any:
        seen = really(*given)
        looking.set()
        may_end.wait(10)
        return seen

    monkeypatch.setattr(module, "_scan", slow)

    async def ask() -> list[list[str]]:
        found = catalogue(tmp_path)
        first = asyncio.create_task(found.models())
        await asyncio.to_thread(looking.wait, 10)
        write_gguf(tmp_path / "late.gguf")
        second = asyncio.create_task(found.models())
        await asyncio.sleep(0)
        may_end.set()
        return [[model.id for model in await task] for task in (first, second)]

    assert asyncio.run(ask()) == [["echo", "guide"], ["echo", "guide", "late"]]


def test_a_caller_that_leaves_spoils_nothing_for_the_others(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf")

    async def ask() -> list[str]:
        found = catalogue(tmp_path)
        first, second = (asyncio.create_task(found.models()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return [model.id for model in await second]

    assert asyncio.run(ask()) == ["echo", "guide", "m"]
