"""Administration as JSON: the server, its models, and what is decided about single ones."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.registry.records import ModelRecord
from jupyter_llm.types import LoadOptions

from .catalogue import status_body
from .decode import decode
from .keep_alive import KeepAlive, keep_alive_s
from .load_request import EngineOptionsBody, given_options

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import Download, ModelStatus

_MAX_ALIASES = 32
_NO_PAST = ModelRecord()

Alias = Annotated[str, Meta(pattern=r"^\S(.*\S)?\Z", max_length=200)]


class SettingsBody(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; `null` takes a decision back, and what is left out stays."""

    aliases: Annotated[list[Alias], Meta(max_length=_MAX_ALIASES)] | UnsetType | None = UNSET
    options: EngineOptionsBody | UnsetType | None = UNSET
    pinned: bool | UnsetType | None = UNSET
    keep_alive: KeepAlive | UnsetType | None = UNSET


_SETTINGS = msgspec.json.Decoder(SettingsBody)


def settings_change(body: bytes) -> dict[str, Any]:
    """The fields of `ModelSettings` that a body replaces.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _SETTINGS)
    changes: dict[str, Any] = {}
    if asked.aliases is not UNSET:
        changes["aliases"] = tuple(sorted(set(asked.aliases or ())))
    if asked.options is not UNSET:
        changes["options"] = given_options(asked.options or EngineOptionsBody())
    if asked.pinned is not UNSET:
        changes["is_pinned"] = bool(asked.pinned)
    if asked.keep_alive is not UNSET:
        changes["keep_alive_s"] = keep_alive_s(asked.keep_alive)
    return changes


def check_aliases(
    aliases: Sequence[str], model_ids: Collection[str], operators: Mapping[str, str]
) -> None:
    """See that none of these aliases hides a model, or is decided already.

    Raises:
        InvalidRequestError: One does.
    """
    for alias in aliases:
        if alias in model_ids:
            raise InvalidRequestError(
                f"{alias!r} is the name of a model; choose another alias.", param="aliases"
            )
        if alias in operators:
            raise InvalidRequestError(
                f"The configuration of this server decides what {alias!r} means "
                "(LLMExtension.model_aliases); choose another alias.",
                param="aliases",
            )


def settings_body(model_id: str, settings: ManagerSettings) -> dict[str, Any]:
    """What was decided about a model; `configured` is the operator's word, which wins."""
    saved = settings.saved.of(model_id)
    return {
        "id": model_id,
        "aliases": list(saved.aliases),
        "options": _options_body(saved.options),
        "pinned": saved.is_pinned,
        "keep_alive_s": _seconds(saved.keep_alive_s),
        "configured": {
            "aliases": sorted(a for a, model in settings.aliases.items() if model == model_id),
            "options": _options_body(settings.model_options.get(model_id)),
            "pinned": model_id in settings.pinned_models,
        },
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What the registry knows of models by id; `error` says why it knows nothing."""

    records: Mapping[str, ModelRecord]
    error: str = ""


def admin_model_body(status: ModelStatus, settings: ManagerSettings, past: Past) -> dict[str, Any]:
    """A model in full: where it stands, its settings, its past, and its use."""
    record = past.records.get(status.model.id, _NO_PAST)
    return {
        **status_body(status),
        "id": status.model.id,
        "settings": settings_body(status.model.id, settings),
        "first_seen_at": record.first_seen_at,
        "last_seen_at": record.last_seen_at,
        "last_used_at": record.last_used_at,
        "usage": {
            "num_requests": record.usage.num_requests,
            "num_prompt_tokens": record.usage.num_prompt_tokens,
            "num_completion_tokens": record.usage.num_completion_tokens,
        },
    }


def registry_body(error: str) -> dict[str, Any]:
    """Whether the registry can be used, and why not."""
    return {"status": "failed" if error else "ready", "error": error}


def downloads_body(downloads: Sequence[Download]) -> dict[str, int]:
    """How many downloads there are in each state."""
    states = [download.state.value for download in downloads]
    return {state: states.count(state) for state in sorted(set(states))}


def removed_body(model_id: str, num_bytes: int) -> dict[str, Any]:
    """The answer to a deletion."""
    return {"status": "removed", "id": model_id, "freed_bytes": num_bytes}


def _options_body(options: LoadOptions | None) -> dict[str, Any]:
    given = asdict(options or LoadOptions())
    return {name: value for name, value in given.items() if value is not None}


def _seconds(keep_alive: float | None) -> float | None:
    """JSON has no infinity: -1 is for ever, as in requests."""
    return -1.0 if keep_alive == math.inf else keep_alive
