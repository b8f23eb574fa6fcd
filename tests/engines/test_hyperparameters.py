from __future__ import annotations

import math

import pytest

from jupyter_llm.engines.llama_cpp.hyperparameters import check_hyperparameters
from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.gguf import GGUFHeader, Scalar

SOUND: dict[str, Scalar] = {
    "general.architecture": "qwen2",
    "qwen2.embedding_length": 896,
    "qwen2.attention.head_count": 14,
    "qwen2.attention.layer_norm_rms_epsilon": 1e-6,
    "qwen2.rope.freq_base": 1e6,
}


def check(**changes: Scalar) -> None:
    metadata = SOUND | {f"qwen2.{key}": value for key, value in changes.items()}
    check_hyperparameters(
        GGUFHeader(version=3, metadata=metadata, array_lengths={}, num_tensors=0, num_parameters=0)
    )


def test_sound_numbers_pass() -> None:
    check()
    check(**{"rope.dimension_count": 64})
    check(**{"rope.dimension_count": 32})


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e-6])
def test_a_norm_needs_an_epsilon(value: float) -> None:
    with pytest.raises(ModelFileError, match=r"layer_norm_rms_epsilon is"):
        check(**{"attention.layer_norm_rms_epsilon": value})


def test_a_number_that_is_none_is_refused_by_its_key() -> None:
    with pytest.raises(ModelFileError, match=r"qwen2\.rope\.freq_base is nan"):
        check(**{"rope.freq_base": math.nan})


@pytest.mark.parametrize("num_rotated", [63, 66, 2**31])
def test_rotary_embedding_turns_pairs_within_a_head(num_rotated: int) -> None:
    with pytest.raises(ModelFileError, match=f"{num_rotated}, which does not suit heads of 64"):
        check(**{"rope.dimension_count": num_rotated})


def test_a_head_may_be_longer_than_its_share_of_the_embedding() -> None:
    check(**{"rope.dimension_count": 128, "attention.key_length": 128})
