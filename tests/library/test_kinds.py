"""What GGUF files hold: models, adapters, projectors, and what belongs to what."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from gguf_files import write_gguf
from tiny_bert import write_tiny_bert

from jupyter_llm.errors import ModelFileError, ModelNotFoundError
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.types import Adapter, ModelSource

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_llm.types import Model

WIDE = {"llama.embedding_length": 64}


def catalogue(folder: Path) -> Catalogue:
    return Catalogue([str(folder)], None)


def models(folder: Path) -> dict[str, Model]:
    return {model.id: model for model in asyncio.run(catalogue(folder).models())}


def write_projector(path: Path, width: int = 64, **keys: Any) -> Path:
    widths = {"clip.vision.projection_dim": width, **keys}
    return write_gguf(path, architecture="clip", kind="mmproj", keys=widths)


def write_adapter(path: Path, **keys: Any) -> Path:
    named = {"adapter.type": "lora", "general.base_model.0.name": "Llama 3", **keys}
    return write_gguf(path, kind="adapter", keys=named)


def test_an_adapter_is_found_by_name_and_is_no_model(tmp_path: Path) -> None:
    path = write_adapter(tmp_path / "pirate.gguf")
    found = catalogue(tmp_path)
    adapter = Adapter(
        id="pirate",
        path=str(path),
        format="gguf",
        architecture="llama",
        base_model="Llama 3",
        size_bytes=path.stat().st_size,
        source=ModelSource.MODELS_DIR,
    )
    assert asyncio.run(found.adapters()) == (adapter,)
    for name in ("pirate", "pirate.gguf", str(path)):
        assert asyncio.run(found.resolve_adapter(name)) == adapter
    assert "pirate" not in models(tmp_path)
    with pytest.raises(ModelFileError, match=r"pirate: .*adapter for another model"):
        asyncio.run(found.resolve("pirate"))


def test_a_wrong_name_of_an_adapter_gets_close_ones_of_adapters(tmp_path: Path) -> None:
    write_adapter(tmp_path / "pirate.gguf")
    write_gguf(tmp_path / "private.gguf")
    with pytest.raises(ModelNotFoundError, match=r"no adapter 'pirat' .*mean pirate\?") as refused:
        asyncio.run(catalogue(tmp_path).resolve_adapter("pirat"))
    assert refused.value.param == "adapters"
    with pytest.raises(ModelFileError, match="is a model"):
        asyncio.run(catalogue(tmp_path).resolve_adapter("private"))


def test_an_adapter_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_adapter(tmp_path / "x.gguf", **{"adapter.type": "control"})
    with pytest.raises(ModelFileError, match="'control', not LoRA"):
        asyncio.run(catalogue(tmp_path).resolve_adapter("x"))


def test_a_model_sees_with_the_projector_that_has_its_name(tmp_path: Path) -> None:
    write_gguf(tmp_path / "seer-7B-Q4_K_M.gguf", keys=WIDE)
    write_gguf(tmp_path / "blind-7B-Q4_K_M.gguf", keys=WIDE)
    projector = write_projector(tmp_path / "mmproj-seer-7B-f16.gguf")
    found = models(tmp_path)
    assert found.keys() == {"echo", "guide", "seer-7B-Q4_K_M", "blind-7B-Q4_K_M"}
    assert found["seer-7B-Q4_K_M"].projector_path == str(projector)
    assert found["seer-7B-Q4_K_M"].modalities == ("text", "image")
    assert found["blind-7B-Q4_K_M"].projector_path == ""
    assert found["blind-7B-Q4_K_M"].modalities == ("text",)


def test_a_projector_without_a_name_belongs_to_models_of_its_width_beside_it(
    tmp_path: Path,
) -> None:
    write_gguf(tmp_path / "repo" / "seer-Q8_0.gguf", keys=WIDE)
    for number in (1, 2):
        part = tmp_path / "repo" / "BF16" / f"seer-BF16-0000{number}-of-00002.gguf"
        write_gguf(part, keys={**WIDE, "split.count": 2})
    write_gguf(tmp_path / "repo" / "narrow.gguf", keys={"llama.embedding_length": 32})
    write_gguf(tmp_path / "elsewhere" / "other.gguf", keys=WIDE)
    projector = write_projector(tmp_path / "repo" / "mmproj-F16.gguf")
    with_projector = {
        name for name, model in models(tmp_path).items() if model.projector_path == str(projector)
    }
    assert with_projector == {"seer-Q8_0", "seer-BF16"}


def test_the_nearest_name_wins_and_then_the_smallest_projector(tmp_path: Path) -> None:
    write_gguf(tmp_path / "seer-7B-it-Q8_0.gguf", keys=WIDE)
    write_projector(tmp_path / "mmproj-F16.gguf")
    write_projector(tmp_path / "mmproj-seer-F16.gguf")
    small = write_projector(tmp_path / "seer-7B-it-mmproj-Q8_0.gguf")
    big = write_projector(tmp_path / "seer-7B-it-mmproj-F32.gguf")
    big.write_bytes(big.read_bytes() + bytes(100))
    assert models(tmp_path)["seer-7B-it-Q8_0"].projector_path == str(small)
    small.unlink()
    assert models(tmp_path)["seer-7B-it-Q8_0"].projector_path == str(big)


def test_a_projector_says_whether_it_sees_or_hears(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", keys=WIDE)
    write_projector(tmp_path / "mmproj-m.gguf", **{"clip.has_audio_encoder": True})
    assert models(tmp_path)["m"].modalities == ("text", "audio")
    write_projector(
        tmp_path / "mmproj-m.gguf",
        **{"clip.has_audio_encoder": True, "clip.has_vision_encoder": True},
    )
    assert models(tmp_path)["m"].modalities == ("text", "image", "audio")


@pytest.mark.parametrize(
    ("written", "modalities"),
    [
        ({"architecture": "bert"}, ("embedding",)),
        ({"keys": {"llama.pooling_type": 3}}, ("embedding",)),
        ({"keys": {"llama.pooling_type": 4}}, ("rerank",)),
        ({"keys": {"llama.pooling_type": 0}}, ("text",)),
    ],
)
def test_a_model_says_what_comes_out(
    tmp_path: Path, written: dict[str, Any], modalities: tuple[str, ...]
) -> None:
    write_gguf(tmp_path / "m.gguf", **written)
    assert models(tmp_path)["m"].modalities == modalities


def test_a_reader_keeps_no_cache(tmp_path: Path) -> None:
    write_tiny_bert(tmp_path / "m.gguf")

    assert models(tmp_path)["m"].num_kv_values == 0
    assert models(tmp_path)["guide"].num_kv_values > 0


def test_a_model_says_its_licence_and_source(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", keys={"general.license": "apache-2.0"})
    model = models(tmp_path)["m"]
    assert (model.licence, model.source) == ("apache-2.0", ModelSource.MODELS_DIR)
    assert models(tmp_path)["guide"].source is ModelSource.BUILT_IN


@pytest.mark.parametrize(
    ("keys", "num_values"),
    [
        ({"attention.head_count": 8, "attention.head_count_kv": 2}, 3 * 2 * (8 + 8)),
        ({"attention.head_count": 8}, 3 * 8 * (8 + 8)),
        (
            {
                "attention.head_count": 8,
                "attention.head_count_kv": 2,
                "attention.key_length": 16,
                "attention.value_length": 4,
            },
            3 * 2 * (16 + 4),
        ),
        ({"attention.head_count": 8, "attention.head_count_kv": [0, 2, 4]}, 6 * (8 + 8)),
        ({"attention.head_count": 8, "full_attention_interval": 3}, 8 * (8 + 8)),
        ({"attention.head_count": 0}, 0),
        ({"attention.head_count": 1, "attention.key_length": 2**32 - 1}, 0),
    ],
    ids=["grouped", "plain", "own lengths", "by layer", "hybrid", "recurrent", "damaged"],
)
def test_a_model_says_what_a_token_takes_in_the_kv_cache(
    tmp_path: Path, keys: dict[str, Any], num_values: int
) -> None:
    all_keys = {"block_count": 3, "embedding_length": 64, **keys}
    write_gguf(tmp_path / "m.gguf", keys={f"llama.{key}": v for key, v in all_keys.items()})
    assert models(tmp_path)["m"].num_kv_values == num_values


def test_one_part_under_a_name_of_its_own_is_refused(tmp_path: Path) -> None:
    write_gguf(tmp_path / "renamed.gguf", keys={"split.count": 3})
    with pytest.raises(ModelFileError, match=r"renamed: .*one of 3 parts"):
        asyncio.run(catalogue(tmp_path).resolve("renamed"))


def test_names_that_are_no_utf_8_are_told_and_break_nothing(tmp_path: Path) -> None:
    for byte in (b"\xfe", b"\xff"):
        source = write_gguf(tmp_path / "m.gguf")
        os.link(source, tmp_path / os.fsdecode(byte + b".gguf"))
    found = catalogue(tmp_path)
    assert models(tmp_path).keys() == {"echo", "guide", "m"}
    unusable = asyncio.run(found.unusable())
    assert [entry.error for entry in unusable] == [
        "Its name is not written in UTF-8. Rename it."
    ] * 2
    assert len({entry.id for entry in unusable}) == 2
    assert all("\N{REPLACEMENT CHARACTER}.gguf" in entry.path for entry in unusable)


def test_what_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "cut.gguf")
    path.write_bytes(path.read_bytes()[:-300])
    [unusable] = asyncio.run(catalogue(tmp_path).unusable())
    assert (unusable.id, unusable.path) == ("cut", str(path))
    assert "cut short" in unusable.error
    hidden = Catalogue([str(tmp_path)], ["guide"])
    assert asyncio.run(hidden.unusable()) == ()


@pytest.mark.parametrize("name", ["~nobody-here/x.gguf", "a\0b.gguf", "\ud800.gguf", "x" * 5000])
def test_a_name_that_cannot_be_a_path_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelNotFoundError):
        asyncio.run(catalogue(tmp_path).resolve(name))
