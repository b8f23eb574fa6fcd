"""Models in folders of safetensors: what is read of them, and what is refused."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_folders import CONFIG, write_folder, write_json

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.library.safetensors import read_tensors
from jupyter_llm.types import Adapter, Model

if TYPE_CHECKING:
    from pathlib import Path


def resolve(folder: Path, name: str = "m") -> Model:
    return asyncio.run(Catalogue([str(folder)], None).resolve(name))


def why_not(folder: Path, name: str = "m") -> str:
    """Why a model is refused; the listing is whole all the same."""
    found = Catalogue([str(folder)], None)
    assert name not in [model.id for model in asyncio.run(found.models())]
    with pytest.raises(ModelFileError) as refused:
        asyncio.run(found.resolve(name))
    return refused.value.message


def header_of(content: Any, data: bytes = b"") -> bytes:
    header = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(header)) + header + data


def test_a_folder_is_a_model_that_says_what_its_files_say(tmp_path: Path) -> None:
    path = write_folder(
        tmp_path / "m",
        others={
            "README.md": "---\nlicense: mit\nlanguage: [en, de]\n---\n# A model\n",
            "chat_template.jinja": "{{ messages }}",
        },
    )
    assert resolve(tmp_path) == Model(
        id="m",
        path=str(path),
        format="safetensors",
        engine="",
        size_bytes=(path / "model.safetensors").stat().st_size,
        architecture="tiny",
        quantization="F32",
        num_parameters=32,
        context_length=4096,
        has_chat_template=True,
        licence="mit",
        num_kv_values=3 * 2 * 2 * 8,
    )
    assert resolve(tmp_path, str(path)).id == "m"
    assert resolve(tmp_path, str(path / "config.json")).id == "m"


def test_a_split_model_is_one_model_with_the_sum_of_its_sizes(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "m", num_parts=3)
    model = resolve(tmp_path)
    assert model.num_parameters == 3 * 32
    assert model.size_bytes == sum(part.stat().st_size for part in path.glob("*.safetensors"))
    (path / "model-00002-of-00003.safetensors").unlink()
    assert "1 of the 3 files with weights are missing, such as model-00002-of" in why_not(tmp_path)


def test_the_index_says_which_files_hold_the_weights(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "m")
    (path / "model.safetensors").rename(path / "part.safetensors")
    write_folder(tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").rename(path / "consolidated.safetensors")
    index = path / "model.safetensors.index.json"
    write_json(index, {"metadata": {}, "weight_map": {"w": "part.safetensors"}})
    assert resolve(tmp_path).num_parameters == 32
    write_json(index, {"weight_map": {"w": "part.safetensors", "v": "../../etc/passwd"}})
    assert "1 of the 2 files with weights are missing" in why_not(tmp_path)


@pytest.mark.parametrize(
    ("others", "has"),
    [
        ({}, False),
        ({"tokenizer_config.json": '{"chat_template": null}'}, False),
        ({"tokenizer_config.json": '{"added": [1], "chat_template": "{{ m }}"}'}, True),
        ({"tokenizer_config.json": '{"chat_template": [{"name": "default"}]}'}, True),
        ({"chat_template.json": "{}"}, True),
    ],
)
def test_a_chat_template_lies_in_one_of_three_files(
    tmp_path: Path, others: dict[str, str], has: bool
) -> None:
    write_folder(tmp_path / "m", others=others)
    assert resolve(tmp_path).has_chat_template is has


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: other\nlicense_name: gemma\n---\n", "gemma"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", "mit, apache-2.0"),
        ("---\nlicense: {a: b}\n---\n", ""),
        ("---\nlicense: [\n---\n", ""),
        ("---\nlicense: mit", ""),
        ("No head\n---\nlicense: mit\n---\n", ""),
        ("---\n- mit\n---\n", ""),
        ("---\nlicense: 2001-02-30\n---\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_in_the_head_of_the_card(tmp_path: Path, card: str, licence: str) -> None:
    write_folder(tmp_path / "m", others={"README.md": card})
    assert resolve(tmp_path).licence == licence


@pytest.mark.parametrize(
    ("config", "modalities"),
    [
        ({"vision_config": {}, "text_config": CONFIG}, ("text", "image")),
        ({"vision_config": {}, "audio_config": {}}, ("text", "image", "audio")),
        ({"architectures": ["BertModel"]}, ("embedding",)),
        ({"architectures": ["TinyForSequenceClassification"]}, ("rerank",)),
        ({"architectures": "broken"}, ("text",)),
    ],
)
def test_a_folder_says_what_goes_in_and_comes_out(
    tmp_path: Path, config: dict[str, Any], modalities: tuple[str, ...]
) -> None:
    write_folder(tmp_path / "m", **config)
    assert resolve(tmp_path).modalities == modalities


@pytest.mark.parametrize(
    ("config", "num_values"),
    [
        ({"head_dim": 16}, 3 * 2 * 2 * 16),
        ({"num_key_value_heads": None}, 3 * 2 * 4 * 8),
        ({"layer_types": ["full_attention", "linear_attention", "linear_attention"]}, 2 * 2 * 8),
        ({"num_hidden_layers": "three"}, 0),
        ({"num_hidden_layers": 1 << 62}, 0),
    ],
)
def test_a_folder_says_what_a_token_takes_in_the_kv_cache(
    tmp_path: Path, config: dict[str, Any], num_values: int
) -> None:
    write_folder(tmp_path / "m", **config)
    assert resolve(tmp_path).num_kv_values == num_values


GPTQ = {"a.qweight": np.zeros((4, 8), np.int32), "a.scales": np.zeros((2, 8), np.float16),
        "a.qzeros": np.zeros((2, 1), np.int32), "a.g_idx": np.zeros(32, np.int32)}  # fmt: skip
BNB = {"a.weight": np.zeros((128, 1), np.uint8), "a.weight.absmax": np.zeros(4, np.uint8),
       "a.weight.quant_state.bitsandbytes__nf4": np.zeros(80, np.uint8)}  # fmt: skip
MLX = {"a.weight": np.zeros((8, 4), np.uint32), "a.scales": np.zeros((8, 1), np.float16),
       "a.biases": np.zeros((8, 1), np.float16)}  # fmt: skip
PACKED = {"a.weight_packed": np.zeros((8, 4), np.int32), "a.weight_scale": np.zeros(8, np.float16),
          "a.weight_shape": np.zeros(2, np.int64)}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "tensors", "quantization"),
    [
        (
            {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            GPTQ,
            "gptq-4bit",
        ),
        (
            {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
            BNB,
            "bitsandbytes-4bit",
        ),
        ({"quantization": {"group_size": 32, "bits": 4}}, MLX, "mlx-4bit"),
        (
            {
                "quantization_config": {
                    "quant_method": "compressed-tensors",
                    "config_groups": {"group_0": {"weights": {"num_bits": 4}}},
                }
            },
            PACKED,
            "compressed-tensors-4bit",
        ),
    ],
)
def test_packed_weights_are_counted_unpacked(
    tmp_path: Path, config: dict[str, Any], tensors: dict[str, Any], quantization: str
) -> None:
    plain = {"norm.weight": np.zeros(16, np.float16)}
    write_folder(tmp_path / "m", tensors={**tensors, **plain}, **config)
    model = resolve(tmp_path)
    assert (model.quantization, model.num_parameters) == (quantization, 256 + 16)


def test_an_adapter_of_peft_is_an_adapter(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "pirate")
    (path / "config.json").unlink()
    (path / "model.safetensors").rename(path / "adapter_model.safetensors")
    base = {"peft_type": "LORA", "base_model_name_or_path": "org/base"}
    write_json(path / "adapter_config.json", base)
    found = Catalogue([str(tmp_path)], None)
    adapter = asyncio.run(found.resolve_adapter("pirate"))
    assert isinstance(adapter, Adapter)
    assert (adapter.format, adapter.base_model) == ("safetensors", "org/base")
    write_json(path / "adapter_config.json", {**base, "peft_type": "IA3"})
    assert "adapter_config.json is of an adapter of the kind IA3" in why_not(tmp_path, "pirate")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", b"{", "config.json is damaged"),
        ("config.json", b"[]", "config.json is damaged"),
        ("config.json", b"{}", "config.json names no model_type"),
        ("config.json", b'"\xff"', "config.json is damaged"),
        ("config.json", b"[" * 100_000, "config.json is damaged"),
        ("tokenizer_config.json", b"", "tokenizer_config.json is damaged"),
        ("model.safetensors.index.json", b'{"weight_map": 3}', "index.json is damaged"),
        ("model.safetensors", b"", "model.safetensors is no safetensors file"),
        ("model.safetensors", struct.pack("<Q", 1 << 60), "model.safetensors is no safetensors"),
        ("model.safetensors", header_of(b"{"), "header of model.safetensors is damaged"),
        ("model.safetensors", header_of({}), "hold no weights"),
        (
            "model.safetensors",
            header_of({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"1234"),
            "model.safetensors is cut short",
        ),
        (
            "model.safetensors",
            header_of({"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, bytes(8)),
            "the tensor 'w' cannot have the shape",
        ),
        (
            "model.safetensors",
            header_of({"w": {"dtype": "X", "shape": [-1], "data_offsets": [0, 8]}}, bytes(8)),
            "the tensor 'w' cannot have the shape",
        ),
    ],
)
def test_a_damaged_file_is_named_and_the_others_are_listed(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    write_folder(tmp_path / "sound")
    (write_folder(tmp_path / "m") / name).write_bytes(content)
    message = why_not(tmp_path)
    assert message.startswith("m: ")
    assert says in message
    assert resolve(tmp_path, "sound").id == "sound"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_is_met_with_another_error(tmp_path: Path, data: st.DataObject) -> None:
    tensors = {"w": {"dtype": "F16", "shape": [4, 2], "data_offsets": [0, 16]}}
    sound = bytearray(header_of({**tensors, "__metadata__": {"format": "pt"}}, bytes(16)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sound) - 1))
        sound[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.safetensors"
    path.write_bytes(sound[: data.draw(st.integers(0, len(sound)))])
    num_bytes, error = 0, ""
    try:
        num_bytes = sum(tensor.size_bytes for tensor in read_tensors(path).values())
    except ModelFileError as refused:
        error = refused.message
    assert num_bytes <= 2 * 16
    assert not error or "x.safetensors" in error
