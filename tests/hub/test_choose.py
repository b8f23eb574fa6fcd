from __future__ import annotations

import pytest

from jupyter_llm.errors import InsufficientMemoryError, ModelNotFoundError
from jupyter_llm.library.hub.choose import choices, choose, fit_of, quantization_of
from jupyter_llm.library.hub.repo import HubFile, HubRepo

GIB = 1 << 30


def repo(**sizes: float) -> HubRepo:
    """A repository with a file of so many GiB for each quantization."""
    files = [
        HubFile(path=f"m-{name}.gguf", size_bytes=int(size * GIB)) for name, size in sizes.items()
    ]
    return HubRepo(id="org/m-GGUF", revision="main", files=tuple(files))


SEVEN = repo(Q2_K=2.5, Q4_K_M=4.0, Q8_0=7.0, F16=14.0)


@pytest.mark.parametrize(
    ("stem", "quantization"),
    [
        ("gemma-3-270m-it-Q4_K_M", "Q4_K_M"),
        ("qwen2.5-0.5b-instruct-q8_0", "Q8_0"),
        ("Model.UD-Q4_K_XL", "Q4_K_XL"),
        ("m-IQ2_XXS", "IQ2_XXS"),
        ("m-bf16", "BF16"),
        ("gpt-oss-20b-MXFP4", "MXFP4"),
        ("llama-3-8b", ""),
    ],
)
def test_the_quantization_is_read_from_the_name(stem: str, quantization: str) -> None:
    assert quantization_of(stem) == quantization


@pytest.mark.parametrize(
    ("memory_gib", "expected"), [(64, "Q4_K_M"), (6, "Q4_K_M"), (4.2, "Q2_K"), (2.8, "Q2_K")]
)
def test_four_bits_are_taken_where_they_fit_else_the_largest_that_does(
    memory_gib: float, expected: str
) -> None:
    assert choose(SEVEN, "", int(memory_gib * GIB)).quantization == expected


def test_without_four_bits_the_largest_that_fits_is_taken() -> None:
    assert choose(repo(Q2_K=2, Q8_0=7, F16=14), "", 11 * GIB).quantization == "Q8_0"


def test_what_fits_nowhere_is_refused_with_the_smallest() -> None:
    with pytest.raises(InsufficientMemoryError, match=r"smallest is Q2_K with 2\.5 GiB"):
        choose(SEVEN, "", GIB)


@pytest.mark.parametrize("wanted", ["Q8_0", "q8_0", "m-Q8_0.gguf", "m-Q8_0"])
def test_who_insists_gets_it(wanted: str) -> None:
    assert choose(SEVEN, wanted, GIB).quantization == "Q8_0"


def test_a_quantization_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ModelNotFoundError, match="Q2_K, Q4_K_M, Q8_0, F16"):
        choose(SEVEN, "Q5_K_M", 64 * GIB)


def test_parts_and_the_projector_come_along() -> None:
    names = ["q8/m-Q8_0-00002-of-00002.gguf", "q8/m-Q8_0-00001-of-00002.gguf", "mmproj-F16.gguf"]
    files = tuple(HubFile(path=name, size_bytes=10) for name in names)
    (choice,) = choices(HubRepo(id="o/m", revision="main", files=files))
    assert [file.path for file in choice.files] == sorted(names[:2])
    assert choice.projector == files[2]
    assert (choice.quantization, choice.size_bytes) == ("Q8_0", 30)


def test_a_repository_without_gguf_says_so() -> None:
    with pytest.raises(ModelNotFoundError, match="no GGUF files"):
        choose(HubRepo(id="o/m", revision="main", files=()), "", GIB)


def test_the_fit_has_three_steps() -> None:
    assert [fit_of(10, memory) for memory in (14, 11, 10)] == ["fits", "tight", "will not fit"]
