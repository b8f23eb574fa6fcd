"""What is known of models beside where they stand: their use, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_llm.client.tables import Table, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def usage_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """What each model has done since it is known; those that did nothing are left out."""
    rows = [
        (
            record["id"],
            str(used["num_requests"]),
            whole(used["num_prompt_tokens"]),
            whole(used["num_completion_tokens"]),
        )
        for record in records
        if (used := record["usage"])["num_requests"]
    ]
    return Table(
        headers=("model", "requests", "tokens read", "tokens written"),
        rows=rows,
        empty="No model has answered anything yet. Counts come a few seconds late.",
    )


def settings_table(settings: Mapping[str, Any]) -> Table:
    """What was decided about a model, here and by the configuration, which wins."""
    saved, configured = _flat(settings), _flat(settings["configured"])
    return Table(
        headers=("setting", "decided here", "by the configuration"),
        rows=[
            (name, saved.get(name, "-"), configured.get(name, "-"))
            for name in dict.fromkeys([*saved, *configured])
        ],
        empty=f"Nothing was decided about {settings['id']}.",
    )


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    found = {name: _text(value) for name, value in settings["options"].items()}
    if settings["aliases"]:
        found["aliases"] = _text(settings["aliases"])
    if settings["pinned"]:
        found["pinned"] = "yes"
    if (keep_alive_s := settings.get("keep_alive_s")) is not None:
        found["keep alive"] = "for ever" if keep_alive_s < 0 else f"{keep_alive_s:g} s"
    return found


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
