from __future__ import annotations

import io
import itertools
import re
import struct
import sys
from typing import TYPE_CHECKING

import gguf
import numpy as np
import pytest
from gguf_files import write_gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.ggml import FILE_TYPES, TENSOR_TYPES
from jupyter_llm.library.gguf import GGUFHeader, parse_header, read_header

if TYPE_CHECKING:
    from pathlib import Path

U32, U64 = struct.Struct("<I"), struct.Struct("<Q")
MOST_CALLS = 10_000_000
"""Calls that the largest header may cost: about a second of an ordinary machine."""


def parse(data: bytes) -> GGUFHeader:
    return parse_header(io.BytesIO(data), size_bytes=len(data))


def text(value: str) -> bytes:
    return U64.pack(len(value.encode())) + value.encode()


def file(
    *, keys: bytes = b"", num_keys: int = 0, tensors: bytes = b"", num_tensors: int = 0
) -> bytes:
    """A file put together by hand, with a mebibyte of weights behind it."""
    counts = U64.pack(num_tensors) + U64.pack(num_keys)
    return b"GGUF" + U32.pack(3) + counts + keys + tensors + bytes(1 << 20)


def tensor(
    name: str = "w", shape: tuple[int, ...] = (32, 4), type_number: int = 8, offset: int = 0
) -> bytes:
    dimensions = U32.pack(len(shape)) + b"".join(U64.pack(length) for length in shape)
    return text(name) + dimensions + U32.pack(type_number) + U64.pack(offset)


def number(key: str, value: int) -> bytes:
    return text(key) + U32.pack(4) + U32.pack(value)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "sound.gguf").read_bytes()


def test_reads_what_the_gguf_package_wrote(tmp_path: Path) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf", num_tensors=3))
    assert header.version == 3
    assert header.architecture == "llama"
    assert header.context_length == 512
    assert header.chat_template == "{{ messages }}"
    assert header.quantization == "Q8_0"
    assert header.array_lengths["tokenizer.ggml.tokens"] == 16
    assert header.num_tensors == 3
    assert header.num_parameters == 3 * 128
    assert header.tensor_bytes == {"Q8_0": 3 * 4 * 34}


def test_reads_every_kind_of_value(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    values = {
        "uint8": 200,
        "int8": -3,
        "uint16": 60000,
        "int16": -300,
        "uint32": 1 << 31,
        "int32": -70000,
        "uint64": 1 << 63,
        "int64": -(1 << 40),
        "float64": 0.1,
        "bool": True,
        "string": "Grüße",
    }
    for kind, value in values.items():
        getattr(writer, f"add_{kind}")(f"x.{kind}", value)
    writer.add_float32("x.float32", 0.5)
    writer.add_array("x.list", [1.5, 2.5])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    header = read_header(tmp_path / "m.gguf")
    for kind, value in values.items():
        assert header.metadata[f"x.{kind}"] == value
    assert header.metadata["x.float32"] == 0.5
    assert header.array_lengths == {"x.list": 2}


def test_the_tables_agree_with_the_gguf_package() -> None:
    theirs = {int(kind): (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {key: tuple(value) for key, value in TENSOR_TYPES.items()} == theirs
    names = {int(kind): kind.name for kind in gguf.LlamaFileType if kind.name != "GUESSED"}
    assert {key: re.sub("^(ALL|MOSTLY)_", "", name) for key, name in names.items()} == FILE_TYPES


def test_a_large_vocabulary_is_passed_over_quickly(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "large.gguf", num_tokens=150_000)
    assert num_calls(path.read_bytes()) < 6 * 150_000
    header = read_header(path)
    assert header.array_lengths["tokenizer.ggml.tokens"] == 150_000


def test_names_the_commonest_type_where_the_file_does_not_say(tmp_path: Path) -> None:
    assert read_header(write_gguf(tmp_path / "m.gguf", file_type=None)).quantization == "Q8_0"
    guessed = write_gguf(tmp_path / "g.gguf", file_type=1024 + 15)
    assert read_header(guessed).quantization == "Q4_K_M"


def test_every_truncation_is_refused(sound: bytes) -> None:
    parse(sound)
    num_padding_bytes = 160 - 4 * 34
    for length in range(0, len(sound) - num_padding_bytes, 7):
        with pytest.raises(ModelFileError):
            parse(sound[:length])


def test_a_file_that_lacks_the_end_of_its_weights_is_refused(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("w", np.zeros((64, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = (tmp_path / "m.gguf").read_bytes()
    parse(data)
    with pytest.raises(ModelFileError, match=r"cut short: it has \d+ bytes.*Download it again"):
        parse(data[:-32])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a GGUF file"),
        (b"PK\x03\x04 a zip file", "not a GGUF file"),
        (b"GGUF", "ends in the middle"),
        (b"GGUF" + U32.pack(1) + bytes(99), "version 1 is not known"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(99), "big-endian"),
        (file(num_tensors=1 << 40), "claims 1099511627776 tensors"),
        (file(num_keys=1 << 60), "keys, more than any model"),
        (file(num_keys=1, keys=U64.pack(1 << 62)), "ends in the middle"),
        (file(num_keys=1, keys=text("a") + U32.pack(77)), "unknown type 77"),
        (file(num_keys=2, keys=number("a", 1) * 2), "occurs twice"),
        (
            file(num_keys=1, keys=text("a") + U32.pack(9) + U32.pack(8) + U64.pack(1 << 50)),
            "claims 1125899906842624 strings",
        ),
        (
            file(num_keys=1, keys=text("a") + U32.pack(9) + U32.pack(10) + U64.pack(1 << 61)),
            "ends in the middle",
        ),
        (
            file(num_keys=1, keys=text("a") + U32.pack(9) + U32.pack(9) + U64.pack(1)),
            "list of the unknown type 9",
        ),
        (file(num_keys=1, keys=number("general.alignment", 0)), "alignment is 0"),
        (file(num_keys=1, keys=number("general.alignment", 48)), "alignment is 48"),
        (file(num_tensors=1, tensors=tensor(name="w" * 64)), "no name for a tensor"),
        (file(num_tensors=1, tensors=tensor(shape=(32,) * 5)), "has 5 dimensions"),
        (file(num_tensors=1, tensors=tensor(shape=(1 << 33,) * 4)), "cannot have the shape"),
        (file(num_tensors=1, tensors=tensor(shape=(0, 4))), "cannot have the shape"),
        (file(num_tensors=1, tensors=tensor(shape=(33, 4))), "cannot have the shape"),
        (file(num_tensors=1, tensors=tensor(type_number=4)), "type 4, which is not known"),
        (file(num_tensors=1, tensors=tensor(offset=7)), "begins at 7, which is no multiple"),
        (file(num_tensors=1, tensors=tensor(offset=1 << 40)), "cut short"),
        (file(num_tensors=2, tensors=tensor() * 2), "same name"),
    ],
)
def test_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(ModelFileError, match=says):
        parse(data)


def test_a_header_beyond_its_limit_is_not_read() -> None:
    class Endless(io.RawIOBase):
        num_read = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.num_read += size
            return bytes(size)

    endless = Endless()
    start = file(num_keys=1, keys=text("a") + U32.pack(8) + U64.pack(1 << 39))
    with pytest.raises(ModelFileError, match="longer than 64 MiB"):
        parse_header(io.BytesIO(start), size_bytes=1 << 40)
    with pytest.raises(ModelFileError):
        parse_header(endless, size_bytes=1 << 40)
    assert endless.num_read <= 1 << 20


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.gguf"):
        with pytest.raises(ModelFileError, match="cannot be read"):
            read_header(path)


def num_calls(data: bytes) -> int:
    """Read it, and say how much work it was: the outcome may be an error, of the one kind."""
    calls = itertools.count()
    sys.setprofile(lambda *_: next(calls))
    try:
        parse(data)
    except ModelFileError as error:
        assert len(error.message) < 500  # noqa: PT017 - whether it fails is left open
    finally:
        sys.setprofile(None)
    return next(calls)


@given(st.binary(max_size=4096), st.integers(0, 1 << 16), st.integers(0, 1 << 16))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_met_with_the_one_error(tail: bytes, tensors: int, keys: int) -> None:
    assert num_calls(tail) < MOST_CALLS
    assert num_calls(b"GGUF" + U32.pack(3) + U64.pack(tensors) + U64.pack(keys) + tail) < MOST_CALLS


@given(st.data())
@settings(deadline=None, max_examples=500)
def test_any_damage_to_a_sound_file_is_met_with_the_one_error(
    sound: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        patch = data.draw(
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([U64.pack(n) for n in (0, 1, 1 << 31, 1 << 32, 1 << 63)]),
                st.just(b"\xff" * 8),
            )
        )
        damaged[place : place + len(patch)] = patch
    assert num_calls(bytes(damaged)) < MOST_CALLS


@pytest.mark.parametrize(
    "data",
    [
        file(
            num_keys=1,
            keys=text("a") + U32.pack(9) + U32.pack(8) + U64.pack(1 << 21) + bytes(8 << 21),
        ),
        file(
            num_keys=1 << 16,
            keys=b"".join(number(f"key {i}", i) for i in range(1 << 16)),
        ),
        file(
            num_tensors=1 << 16,
            tensors=b"".join(tensor(name=f"t{i}") for i in range(1 << 16)),
        ),
    ],
    ids=["strings", "keys", "tensors"],
)
def test_the_most_that_is_read_is_bounded_work(data: bytes) -> None:
    assert num_calls(data) < MOST_CALLS
