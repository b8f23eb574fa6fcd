"""What an operator writes into `remotes`, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from jupyter_llm.engines.remote.settings import Balance, Dialect, Endpoint, Key, Remote

_Name = Annotated[str, Meta(pattern=r"^[\w.:-]+$", max_length=64)]
_ModelName = Annotated[str, Meta(min_length=1, max_length=200)]
_Urls = Annotated[list[str], Meta(min_length=1, max_length=1000)]
_Seconds = Annotated[float, Meta(gt=0, le=86_400)]

RESERVED = frozenset({"echo", "guide"})
"""Ids of models that come with this package."""

_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"(?P<what>Object .* field) `(?P<name>.*)`", re.DOTALL)


class RemoteBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One entry."""

    id: _Name
    url: str | _Urls
    balance: Balance = "round_robin"
    models: list[_ModelName] | dict[_ModelName, str] | None = None
    key: str = ""
    key_env: str = ""
    key_file: str = ""
    headers: dict[str, str] = {}
    dialect: Dialect = "openai"
    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 16
    context_length: Annotated[int, Meta(ge=0)] = 0
    modalities: tuple[str, ...] = ("text",)
    timeout_s: _Seconds = 300.0
    connect_timeout_s: _Seconds = 5.0
    health_interval_s: Annotated[float, Meta(ge=0, le=86_400)] = 30.0
    ca_file: str = ""


def remotes_of(entries: Sequence[object]) -> tuple[Remote, ...]:
    """The services of a list of dicts.

    Raises:
        ValueError: One is wrong; the message names the entry and the field, and no value that
            could be a key.
    """
    remotes = [_remote(entry, f"remotes[{number}]") for number, entry in enumerate(entries)]
    taken: set[str] = set(RESERVED)
    for number, remote in enumerate(remotes):
        if remote.id in {other.id for other in remotes[:number]}:
            raise ValueError(f"remotes[{number}].id: there are two services {remote.id!r}.")
        if again := sorted(taken & set(remote.models)):
            raise ValueError(
                f"remotes[{number}].models: there is another model {again[0]!r}; give this one a "
                "name of its own with {'name here': 'name there'}."
            )
        taken |= set(remote.models)
    return tuple(remotes)


def _remote(entry: object, place: str) -> Remote:
    try:
        body = msgspec.convert(entry, RemoteBody)
    except msgspec.ValidationError as error:
        raise ValueError(_explained(str(error), place)) from None
    return Remote(
        id=body.id,
        **_places(body.url, place),
        balance=body.balance,
        models=_models(body),
        key=_key(body, place),
        headers=body.headers,
        dialect=body.dialect,
        concurrency=body.concurrency,
        context_length=body.context_length,
        modalities=body.modalities,
        timeout_s=body.timeout_s,
        connect_timeout_s=body.connect_timeout_s,
        health_interval_s=body.health_interval_s,
        ca_file=body.ca_file,
    )


def _explained(report: str, place: str) -> str:
    """The words of msgspec with the field in front."""
    found = _PLACE.fullmatch(report)
    what, path = (found["what"], found["path"] or "") if found else (report, "")
    if field := _FIELD.fullmatch(what):
        path = f"{path}.{field['name']}" if path else field["name"]
        missing = "missing" in field["what"]
        what = "it is required" if missing else "there is no such field"
    return f"{f'{place}.{path}' if path else place}: {what[:1].lower()}{what[1:]}."


def _places(url: str | list[str], place: str) -> dict[str, Any]:
    if isinstance(url, str):
        return {"url": _checked_url(url, place)}
    urls = [_checked_url(one, place) for one in url]
    if again := sorted({one for one in urls if urls.count(one) > 1}):
        raise ValueError(f"{place}.url: {again[0]} is given twice.")
    return {"replicas": tuple(Endpoint(url=one, name=urlsplit(one).netloc) for one in urls)}


def _checked_url(url: str, place: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{place}.url: give http://host/v1 or https://host/v1.")
    if parts.username or parts.password:
        raise ValueError(f"{place}.url: it holds a password; put that into key_env or key_file.")
    if parts.query or parts.fragment:
        raise ValueError(f"{place}.url: leave out what follows '?' or '#'.")
    return url.rstrip("/")


def _models(body: RemoteBody) -> dict[str, str]:
    """Ids here and names there."""
    if body.models is None:
        return {body.id: ""}
    if isinstance(body.models, dict):
        return dict(body.models)
    return {f"{body.id}/{name}": name for name in body.models}


def _key(body: RemoteBody, place: str) -> Key:
    given = [name for name in ("key", "key_env", "key_file") if getattr(body, name)]
    if len(given) > 1:
        raise ValueError(f"{place}.{given[1]}: {given[0]} is given, too; leave one of them out.")
    return Key(text=body.key, variable=body.key_env, path=body.key_file)
