"""What people decide about single models, kept in the registry and known without asking it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import InvalidRequestError, RegistryError
from jupyter_llm.types import LoadOptions, ModelSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.orm import Session

    from jupyter_llm.registry.database import Registry

_MAX_AGE_S = 10.0
"""After this time another server's changes are known here."""

_RETRY_S = 60.0
_PATIENCE_S = 5.0

_OPTIONS = {option.name for option in fields(LoadOptions)}
_NOTHING = ModelSettings()

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    by_model: Mapping[str, ModelSettings] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


class SavedSettings:
    """The settings of single models, as last read; without a registry there are none."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry
        self._snapshot = _Snapshot()
        self._fresh_until = 0.0
        self._reading: asyncio.Task[None] | None = None

    def of(self, model_id: str) -> ModelSettings:
        """What was decided about this model."""
        return self._snapshot.by_model.get(model_id, _NOTHING)

    def model_of(self, alias: str) -> str | None:
        """The model that this is a further name of."""
        return self._snapshot.aliases.get(alias)

    async def fresh(self) -> None:
        """Read what other servers may have changed, if the last look was a while ago.

        Never raises, and waits a few seconds at most: without its registry a server goes on
        with what it knows.
        """
        if self._registry is None or time.monotonic() < self._fresh_until:
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(self._registry))
        await asyncio.wait({self._reading}, timeout=_PATIENCE_S)

    async def save(self, model_id: str, settings: ModelSettings) -> None:
        """Replace what was decided about this model; an empty value forgets it.

        Raises:
            InvalidRequestError: An alias belongs to another model.
            RegistryError: It cannot be kept.
        """
        await self.change(model_id, lambda _: settings)

    async def change(self, model_id: str, change: Callable[[ModelSettings], ModelSettings]) -> None:
        """Replace what was decided about this model by what `change` makes of it.

        Raises:
            InvalidRequestError: What `change` raises, or an alias belongs to another model.
            RegistryError: It cannot be kept.
        """

        def work(session: Session) -> _Snapshot:
            before = _read_all(session).by_model.get(model_id, _NOTHING)
            _replace(session, model_id, change(before))
            return _read_all(session)

        if self._registry is None:
            raise RegistryError("This server has no registry that could keep settings.")
        self._snapshot = await self._registry.run(work)
        self._fresh_until = time.monotonic() + _MAX_AGE_S

    async def _read(self, registry: Registry) -> None:
        valid_s = _MAX_AGE_S
        try:
            if await registry.exists():
                self._snapshot = await registry.run(_read_all)
        except RegistryError as error:
            log.warning("The settings of models are not known: %s", error)
            valid_s = _RETRY_S
        finally:
            self._fresh_until = time.monotonic() + valid_s
            self._reading = None


def _read_all(session: Session) -> _Snapshot:
    from jupyter_llm.registry.tables import AliasRow, SettingsRow

    by_model = {
        row.model_id: ModelSettings(
            options=_options(row.options),
            is_pinned=row.is_pinned,
            keep_alive_s=row.keep_alive_s,
        )
        for row in session.query(SettingsRow)
    }
    aliases = {row.alias: row.model_id for row in session.query(AliasRow)}
    for alias in sorted(aliases):
        settings = by_model.get(aliases[alias], _NOTHING)
        by_model[aliases[alias]] = replace(settings, aliases=(*settings.aliases, alias))
    return _Snapshot(by_model=by_model, aliases=aliases)


def _options(stored: Mapping[str, Any]) -> LoadOptions:
    """What is understood of them: another version of this package may know other options."""
    known = {name: value for name, value in stored.items() if name in _OPTIONS}
    try:
        return msgspec.convert(known, LoadOptions)
    except msgspec.ValidationError as error:
        log.warning("The saved options %s are not understood: %s", known, error)
        return LoadOptions()


def _replace(session: Session, model_id: str, settings: ModelSettings) -> None:
    from jupyter_llm.registry.tables import AliasRow, SettingsRow

    session.query(AliasRow).filter_by(model_id=model_id).delete()
    for alias in settings.aliases:
        if taken := session.get(AliasRow, alias):
            raise InvalidRequestError(
                f"The alias {alias!r} belongs to {taken.model_id}. Take it away there first.",
                param="aliases",
            )
        session.add(AliasRow(alias=alias, model_id=model_id))
    session.query(SettingsRow).filter_by(model_id=model_id).delete()
    if replace(settings, aliases=()) != _NOTHING:
        session.add(
            SettingsRow(
                model_id=model_id,
                options={k: v for k, v in asdict(settings.options).items() if v is not None},
                is_pinned=settings.is_pinned,
                keep_alive_s=settings.keep_alive_s,
            )
        )
