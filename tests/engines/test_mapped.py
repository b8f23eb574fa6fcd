from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import pytest

from jupyter_llm.engines.llama_cpp.mapped import mappings, release_pages

MAPS = """\
55d0c0a00000-55d0c0a01000 r--p 00000000 fe:00 1234                       /usr/bin/python3.11
7f0000000000-7f0000100000 r--s 00000000 fe:00 77                         /models/a model.gguf
7f0000200000-7f0000300000 r--s 00100000 fe:00 77                         /models/a model.gguf
7f0000400000-7f0000500000 r--s 00000000 fe:00 78                 /models/b-00002-of-00003.gguf
7f0000600000-7f0000700000 r--s 00000000 fe:00 79                 /models/b-00003-of-00003.gguf
7f0000800000-7f0000900000 rw-p 00000000 00:00 0
7f0000a00000-7f0000b00000 rw-p 00000000 00:00 0                          [heap]
"""


@pytest.mark.parametrize(
    ("path", "starts"),
    [
        ("/models/a model.gguf", [0x7F0000000000, 0x7F0000200000]),
        ("/models/b-00001-of-00003.gguf", [0x7F0000400000, 0x7F0000600000]),
        ("/models/c.gguf", []),
        ("/models/a.model.gguf", []),
    ],
)
def test_a_model_is_found_where_its_files_are_mapped(path: str, starts: list[int]) -> None:
    found = list(mappings(MAPS, path))
    assert [start for start, _ in found] == starts
    assert all(end - start == 1 << 20 for start, end in found)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_pages_that_are_given_back_come_again_when_they_are_used(tmp_path: Path) -> None:
    path = tmp_path / "weights.gguf"
    path.write_bytes(b"w" * (32 << 20))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:].count(b"w") == 32 << 20
        before = resident_bytes()
        release_pages(str(path))
        assert before - resident_bytes() > 30 << 20
        assert mapped[:].count(b"w") == 32 << 20


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
