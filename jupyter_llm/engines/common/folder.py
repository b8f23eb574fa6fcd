"""What the small files beside the weights say, as far as an engine has to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jupyter_llm.errors import ModelFileError

_MAX_JSON_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A model's folder.

    `config` is its `config.json`. `chat_template` is empty where it has none; `bos_text` and
    `eos_text` are spelled out, empty where there is none. `end_tokens` end an answer.
    `pools_last` says that the last token's vector is the text's, and not the mean of all.
    """

    path: Path
    config: Mapping[str, Any]
    chat_template: str
    bos_text: str
    eos_text: str
    end_tokens: frozenset[int]
    pools_last: bool


def read_folder(path: Path) -> Folder:
    """Read the files of a model's folder.

    Raises:
        ModelFileError: One is damaged, or a file that is needed is missing.
    """
    config = _json(path / "config.json", is_needed=True)
    tokenizer = _json(path / "tokenizer_config.json")
    if not (path / "tokenizer.json").is_file():
        raise ModelFileError(
            f"{path} has no tokenizer.json, which is needed to read text. Take a copy of the model "
            "that has one; most do."
        )
    generation = _json(path / "generation_config.json")
    return Folder(
        path=path,
        config=config,
        chat_template=_chat_template(path, tokenizer),
        bos_text=_token_text(tokenizer.get("bos_token")),
        eos_text=_token_text(tokenizer.get("eos_token")),
        end_tokens=frozenset((*_ids(config), *_ids(generation))),
        pools_last=bool(_json(path / "1_Pooling" / "config.json").get("pooling_mode_lasttoken")),
    )


def _json(path: Path, *, is_needed: bool = False) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_JSON_BYTES), type=dict[str, Any])
    except FileNotFoundError:
        if is_needed:
            raise ModelFileError(f"{path} is missing. Download it.") from None
        return {}
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged ({error!s:.200}). Download it again.") from error


def _chat_template(path: Path, tokenizer: Mapping[str, Any]) -> str:
    """The template; where there are several by name, the one called `default`."""
    file = path / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8", errors="replace")
    stated = tokenizer.get("chat_template") or _json(path / "chat_template.json").get(
        "chat_template"
    )
    if isinstance(stated, list):
        named = {one.get("name"): one.get("template") for one in stated if isinstance(one, dict)}
        stated = named.get("default") or next(iter(named.values()), "")
    return stated if isinstance(stated, str) else ""


def _token_text(stated: Any) -> str:
    """A token by its text, or by a description of it."""
    if isinstance(stated, Mapping):
        stated = stated.get("content")
    return stated if isinstance(stated, str) else ""


def _ids(config: Mapping[str, Any]) -> tuple[int, ...]:
    stated = config.get("eos_token_id")
    if stated is None and isinstance(text := config.get("text_config"), Mapping):
        stated = text.get("eos_token_id")
    ids = stated if isinstance(stated, list) else [stated]
    return tuple(one for one in ids if isinstance(one, int) and one is not True and one >= 0)
