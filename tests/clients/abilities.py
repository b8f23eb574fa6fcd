"""What every script here has in common: it does what it can and says so, a line of JSON each.

Runs in the environment of a client library, with nothing of this project but this folder.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable

URL = os.environ["CLIENT_BASE_URL"]
KEY = os.environ["CLIENT_API_KEY"]
MODEL = "guide"
EMBEDDING_MODEL = "tiny-bert"
QUESTION = "What can you do?"
MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
TEXTS = ["hello world", "the land and the sea"]


class Order(BaseModel):
    """What to do with a model.

    Small and closed: a small model closes no long string, and adds fields while it may.
    """

    model_config = ConfigDict(extra="forbid")

    command: Literal["load", "unload"]
    urgent: bool


# as a function that a model may call
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "carry_out",
        "description": "Carry out an order.",
        "parameters": {
            "type": "object",
            "properties": {
                "command": {"type": "string", "enum": ["load", "unload"]},
                "urgent": {"type": "boolean"},
            },
            "required": ["command", "urgent"],
            "additionalProperties": False,
        },
    },
}


def vectors_of(vectors: Any) -> list[int]:
    """How many numbers each vector has, if all of them are numbers."""
    vectors = list(vectors)
    for vector in vectors:
        assert all(isinstance(number, float) for number in vector), vector
        assert any(vector), "nothing but zeros"
    return [len(vector) for vector in vectors]


def show(**abilities: Callable[[], Any]) -> None:
    """Try each, and write what came of it to the file that the command line names."""
    lines = [json.dumps(_tried(name, ability)) for name, ability in abilities.items()]
    Path(sys.argv[1]).write_text("\n".join(lines))


def _tried(name: str, ability: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"ability": name, "outcome": ability()}
    except Exception:  # noqa: BLE001  # whatever it is, the test shows it
        return {"ability": name, "error": traceback.format_exc()}
