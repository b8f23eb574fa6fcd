from __future__ import annotations

import pytest

from jupyter_llm.engines.llama_cpp.bindings import load_bindings
from jupyter_llm.engines.llama_cpp.params import (
    KV_TYPES,
    context_params,
    model_params,
    resolve_options,
)
from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import LoadOptions


def test_defaults_for_a_long_context_model() -> None:
    resolved = resolve_options(LoadOptions(), trained_context_length=131_072, num_cores=8)
    assert resolved.context_length == 8192
    assert resolved.slots == 12
    assert resolved.num_sequences == 24
    assert resolved.num_kv_cells == 16_384
    assert resolved.batch_size == 512
    assert resolved.num_threads == 7
    assert resolved.kv_type == "f16"


def test_context_defaults_to_what_a_short_model_was_trained_for() -> None:
    resolved = resolve_options(LoadOptions(), trained_context_length=512, num_cores=1)
    assert resolved.context_length == 512


def test_one_slot_needs_the_cells_of_one_sequence() -> None:
    resolved = resolve_options(LoadOptions(slots=1), trained_context_length=4096, num_cores=1)
    assert resolved.num_kv_cells == 4096


def test_a_small_cache_shortens_the_default_context() -> None:
    resolved = resolve_options(LoadOptions(num_kv_cells=300), 4096, 1)
    assert resolved.context_length == 300


@pytest.mark.parametrize(("num_cores", "num_threads"), [(1, 1), (2, 2), (3, 2), (64, 63)])
def test_one_core_is_left_free_where_there_are_more_than_two(
    num_cores: int, num_threads: int
) -> None:
    assert resolve_options(LoadOptions(), 4096, num_cores).num_threads == num_threads


@pytest.mark.parametrize("param", ["context_length", "slots", "num_threads", "batch_size"])
@pytest.mark.parametrize("value", [0, -1])
def test_counts_below_one_are_refused_by_name(param: str, value: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"{param} is {value}") as caught:
        resolve_options(LoadOptions(**{param: value}), 4096, 2)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("slots", 129),
        ("num_threads", 513),
        ("batch_size", 10**9),
        ("num_kv_cells", 2**40),
        ("num_kv_cells", 0),
        ("num_gpu_layers", -2),
        ("kv_type", "q3_k"),
    ],
)
def test_a_value_llama_cpp_could_not_honour_is_refused_by_name(
    param: str, value: int | str
) -> None:
    with pytest.raises(InvalidRequestError, match=str(value)) as caught:
        resolve_options(LoadOptions(**{param: value}), 4096, 2)
    assert caught.value.param == param


def test_a_context_longer_than_trained_is_refused_with_both_numbers() -> None:
    with pytest.raises(InvalidRequestError, match=r"9000.*4096") as caught:
        resolve_options(LoadOptions(context_length=9000), 4096, 2)
    assert caught.value.param == "context_length"


def test_fewer_cells_than_one_sequence_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"100.*200") as caught:
        resolve_options(LoadOptions(context_length=200, num_kv_cells=100), 4096, 2)
    assert caught.value.param == "num_kv_cells"


def test_a_file_without_context_length_is_a_damaged_file() -> None:
    with pytest.raises(ModelFileError, match="0 tokens"):
        resolve_options(LoadOptions(), 0, 2)


def test_limits_are_those_of_the_library() -> None:
    bindings = load_bindings()
    assert bindings.llama_max_parallel_sequences() == 256
    assert {
        "f32": bindings.GGML_TYPE_F32,
        "f16": bindings.GGML_TYPE_F16,
        "q4_0": bindings.GGML_TYPE_Q4_0,
        "q8_0": bindings.GGML_TYPE_Q8_0,
    } == KV_TYPES


def test_parameters_share_one_cache_among_all_sequences() -> None:
    bindings = load_bindings()
    resolved = resolve_options(LoadOptions(slots=4, kv_type="q8_0"), 4096, 2)
    params = context_params(bindings, resolved)
    assert (params.n_ctx, params.n_batch, params.n_ubatch) == (8192, 512, 512)
    assert (params.n_seq_max, params.kv_unified, params.swa_full) == (8, True, True)
    assert (params.type_k, params.type_v) == (8, 8)
    assert params.flash_attn_type == bindings.LLAMA_FLASH_ATTN_TYPE_AUTO
    assert params.n_threads == params.n_threads_batch == 2


def test_the_probe_reads_no_weights() -> None:
    bindings = load_bindings()
    resolved = resolve_options(LoadOptions(num_gpu_layers=3), 4096, 2)
    assert model_params(bindings, resolved, no_alloc=True).no_alloc
    real = model_params(bindings, resolved)
    assert (real.no_alloc, real.n_gpu_layers) == (False, 3)


def test_a_model_is_spread_over_gpus_as_asked() -> None:
    bindings = load_bindings()
    usual = model_params(bindings, resolve_options(LoadOptions(), 4096, 2))
    assert usual.split_mode == bindings.LLAMA_SPLIT_MODE_LAYER
    assert not usual.tensor_split
    options = LoadOptions(split_mode="row", tensor_split=(3, 1))
    params = model_params(bindings, resolve_options(options, 4096, 2))
    assert params.split_mode == bindings.LLAMA_SPLIT_MODE_ROW
    assert params.tensor_split[:3] == [3.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (LoadOptions(split_mode="column"), "split_mode"),
        (LoadOptions(tensor_split=(1, -1)), "tensor_split"),
        (LoadOptions(tensor_split=(0, 0)), "tensor_split"),
        (LoadOptions(tensor_split=(float("nan"),)), "tensor_split"),
        (LoadOptions(tensor_split=(1, 1), split_mode="none"), "tensor_split"),
        (LoadOptions(tensor_split=(1.0,) * 99), "tensor_split"),
    ],
)
def test_a_split_that_cannot_be_is_refused_by_name(options: LoadOptions, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        model_params(load_bindings(), resolve_options(options, 4096, 2))
    assert caught.value.param == param
