"""Two hundred damaged GGUF files, made from a sound one; the same seed makes the same ones.

The families follow what reads the file: the file system, the header, the
metadata, the descriptions of tensors, hyperparameters, the vocabulary.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gguf_draft import (
    ARRAY,
    FLOAT32,
    STRING,
    UINT32,
    Draft,
    Entry,
    array,
    items_of,
    read_draft,
    string,
)

NUM_FILES = 200

_Variants = Iterator[tuple[str, bytes]]


def write_malformed(sound: Path, folder: Path, *, seed: int = 0) -> list[Path]:
    """Write `NUM_FILES` damaged relatives of `sound` into `folder`; their names say what is wrong.

    One of them is a directory, and one does not exist.
    """
    draft = read_draft(sound)
    assert draft.encode() == sound.read_bytes()
    rng = random.Random(seed)
    variants = [
        *_not_a_model(rng),
        *_header(draft),
        *_counts(draft),
        *_hyperparameters(draft),
        *_tensors(draft),
        *_vocabulary(draft),
        *_metadata(draft),
        *_cut_short(draft, rng, num_files=26),
    ]
    variants += _flipped(draft, rng, num_files=NUM_FILES - 2 - len(variants))
    paths = [_write(folder, f"{n:03} {name}.gguf", b) for n, (name, b) in enumerate(variants)]
    directory = folder / "198 a directory.gguf"
    directory.mkdir()
    return [*paths, directory, folder / "199 no such file.gguf"]


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _not_a_model(rng: random.Random) -> _Variants:
    yield "empty", b""
    yield "one byte", b"G"
    yield "magic alone", b"GGUF"
    yield "text", b"This is not a model.\n" * 100
    yield "html error page", b"<!DOCTYPE html><html><title>404</title></html>"
    yield "zip", b"PK\x03\x04" + bytes(500)
    yield "zeros", bytes(4096)
    yield "ones", b"\xff" * 4096
    yield "random", rng.randbytes(4096)
    yield "random after magic", b"GGUF" + rng.randbytes(4096)
    yield "random after version", b"GGUF\x03\0\0\0" + rng.randbytes(4096)
    yield "git lfs pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"


def _header(draft: Draft) -> _Variants:
    for magic in (b"GGML", b"FUGG", b"ggjt", b"gguf"):
        yield f"magic {magic.decode()}", replace(draft, magic=magic).encode()
    for version in (0, 1, 4, 0x03000000, 0xFFFFFFFF):
        yield f"version {version}", replace(draft, version=version).encode()
    yield "no tensors", replace(draft, tensors=(), data=b"").encode()
    yield "no metadata", replace(draft, entries=()).encode()
    yield "nothing inside", replace(draft, entries=(), tensors=(), data=b"").encode()


def _counts(draft: Draft) -> _Variants:
    for count in (0, 1, 2**40, 2**63):
        yield f"{count} tensors", replace(draft, num_tensors=count).encode()
        yield f"{count} keys", replace(draft, num_entries=count).encode()
    for length in (2**20, 2**40, 2**63):
        value = struct.pack("<Q", length) + b"llama"
        yield f"string of {length}", draft.with_value("general.name", STRING, value).encode()
        tokens = array(STRING, [], count=length)
        yield (
            f"array of {length}",
            draft.with_value("tokenizer.ggml.tokens", ARRAY, tokens).encode(),
        )


def _hyperparameters(draft: Draft) -> _Variants:
    counts = {
        "block_count": (0, 1, 3, 10**6),
        "embedding_length": (0, 63, 128, 2**31),
        "attention.head_count": (0, 3, 64, 2**32 - 1),
        "attention.head_count_kv": (0, 3, 8),
        "feed_forward_length": (0, 1, 2**31),
        "context_length": (0, 2**32 - 1),
        "rope.dimension_count": (0, 15, 64, 2**32 - 1),
        "vocab_size": (0, 2**32 - 1),
    }
    for name, values in counts.items():
        for value in values:
            content = draft.with_value(f"llama.{name}", UINT32, struct.pack("<I", value)).encode()
            yield f"{name} {value}", content
    for name in ("rope.freq_base", "attention.layer_norm_rms_epsilon"):
        for number in (math.nan, math.inf, -1.0, 0.0):
            value = struct.pack("<f", number)
            yield f"{name} {number}", draft.with_value(f"llama.{name}", FLOAT32, value).encode()
    for name in ("attention.key_length", "attention.value_length"):
        for size in (0, 7):
            yield f"{name} {size}", _with_extra(draft, f"llama.{name}", size).encode()
    yield "expert_count 10000", _with_extra(draft, "llama.expert_count", 10_000).encode()
    yield "alignment 0", _with_extra(draft, "general.alignment", 0).encode()
    yield "alignment 3", _with_extra(draft, "general.alignment", 3).encode()


def _with_extra(draft: Draft, key: str, value: int) -> Draft:
    entry = Entry(key.encode(), UINT32, struct.pack("<I", value))
    return replace(draft, entries=(*draft.entries, entry))


def _tensors(draft: Draft) -> _Variants:
    query = "blk.0.attn_q.weight"
    for dims in ((), (0, 64), (64, 0), (64,), (64, 64, 1, 1, 1), (2**63, 64), (2**62, 2**62)):
        yield f"dims {dims}", draft.with_tensor(query, dims=dims).encode()
    for num_dims in (5, 2**31, 2**32 - 1):
        yield f"{num_dims} dims", draft.with_tensor(query, num_dims=num_dims).encode()
    for kind in (4, 5, 31, 1000, 2**32 - 1):
        yield f"type {kind}", draft.with_tensor(query, kind=kind).encode()
    for offset in (1, 2**40, 2**63, 2**64 - 32):
        yield f"offset {offset}", draft.with_tensor(query, offset=offset).encode()
    yield "offset of another", draft.with_tensor(query, offset=0).encode()
    yield "long name", draft.with_tensor(query, name=b"n" * 500).encode()
    yield "empty name", draft.with_tensor(query, name=b"").encode()
    yield "same tensor twice", replace(draft, tensors=(*draft.tensors, draft.tensors[0])).encode()
    for name in (b"token_embd.weight", b"output_norm.weight", b"blk.1.ffn_down.weight"):
        kept = tuple(tensor for tensor in draft.tensors if tensor.name != name)
        yield f"without {name.decode()}", replace(draft, tensors=kept).encode()


def _vocabulary(draft: Draft) -> _Variants:
    tokens = items_of(draft.value("tokenizer.ggml.tokens"))
    merges = items_of(draft.value("tokenizer.ggml.merges"))
    kinds = items_of(draft.value("tokenizer.ggml.token_type"))
    lists = {
        "no tokens": ("tokens", STRING, []),
        "one token": ("tokens", STRING, tokens[:1]),
        "half the tokens": ("tokens", STRING, tokens[: len(tokens) // 2]),
        "more tokens": ("tokens", STRING, tokens + [string(b"more")] * 100),
        "equal tokens": ("tokens", STRING, tokens[:1] * len(tokens)),
        "tokens not utf-8": ("tokens", STRING, [string(b"\xff\xfe")] * len(tokens)),
        "tokens are numbers": ("tokens", UINT32, [struct.pack("<I", 7)] * len(tokens)),
        "few token types": ("token_type", 5, kinds[:3]),
        "odd token types": ("token_type", 5, [struct.pack("<i", 12345)] * len(tokens)),
        "merges without space": ("merges", STRING, [string(b"nospace")] * len(merges)),
        "empty merges": ("merges", STRING, [string(b"")] * len(merges)),
        "merges of strangers": ("merges", STRING, [string(b"\xf0\x9f xx")] * len(merges)),
        "no merges": ("merges", STRING, []),
    }
    for name, (key, kind, items) in lists.items():
        value = array(kind, items)
        yield name, draft.with_value(f"tokenizer.ggml.{key}", ARRAY, value).encode()
    for key in ("bos_token_id", "eos_token_id"):
        for token in (len(tokens), 2**31, 2**32 - 1):
            value = struct.pack("<I", token)
            yield (
                f"{key} {token}",
                draft.with_value(f"tokenizer.ggml.{key}", UINT32, value).encode(),
            )
    for name in ("tokenizer.ggml.model", "tokenizer.ggml.pre", "general.architecture"):
        value = string(b"unheard-of")
        yield f"{name} unheard-of", draft.with_value(name, STRING, value).encode()
    template = string(b"{% for m in %}{{")
    yield "broken template", draft.with_value("tokenizer.chat_template", STRING, template).encode()


def _metadata(draft: Draft) -> _Variants:
    first = draft.entries[0]
    yield "same key twice", replace(draft, entries=(*draft.entries, first)).encode()
    yield "empty key", replace(draft, entries=(Entry(b"", UINT32, bytes(4)),)).encode()
    yield (
        "architecture is a number",
        draft.with_value("general.architecture", UINT32, b"\1\0\0\0").encode(),
    )
    yield (
        "embedding_length is text",
        draft.with_value("llama.embedding_length", STRING, string(b"64")).encode(),
    )
    yield "kind 13", draft.with_value("general.name", 13, b"").encode()
    yield "kind 2^31", draft.with_value("general.name", 2**31, b"").encode()
    nested = struct.pack("<IQ", ARRAY, 1) + array(UINT32, [])
    yield "array of arrays", draft.with_value("tokenizer.ggml.tokens", ARRAY, nested).encode()
    yield (
        "other architecture",
        draft.with_value("general.architecture", STRING, string(b"bert")).encode(),
    )


def _cut_short(draft: Draft, rng: random.Random, num_files: int) -> _Variants:
    content, head = draft.encode(), len(draft.head())
    places = [5, 8, 20, 24, 28, head, len(content) - 1]
    places += [rng.randrange(24, head) for _ in range((num_files - len(places)) * 2 // 3)]
    places += [rng.randrange(head, len(content)) for _ in range(num_files - len(places))]
    for place in places:
        yield f"cut at {place}", content[:place]


def _flipped(draft: Draft, rng: random.Random, num_files: int) -> _Variants:
    """Single bits of the structure; long lists of strings would get them all otherwise."""
    content = draft.encode()
    places = [place for start, end in _structure(draft) for place in range(start, end)]
    for _ in range(num_files):
        place, bit = rng.choice(places), rng.randrange(8)
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        yield f"bit {bit} of byte {place}", bytes(flipped)


def _structure(draft: Draft) -> Iterator[tuple[int, int]]:
    """The header, the first bytes of every key's value, and the descriptions of tensors."""
    yield 0, 24
    at = 24
    for entry in draft.entries:
        length = len(entry.key) + 12
        yield at, at + length + min(len(entry.value), 48)
        at += length + len(entry.value)
    yield at, len(draft.head())
