from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from jupyter_llm.errors import InvalidRequestError, RegistryError
from jupyter_llm.registry import settings as module
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.settings import SavedSettings
from jupyter_llm.types import LoadOptions, ModelSettings

if TYPE_CHECKING:
    from pathlib import Path

ALL = ModelSettings(
    aliases=("gpt-4o", "small"), options=LoadOptions(slots=2, adapters=("a", "b")), is_pinned=True
)


async def reread(registry: Registry) -> SavedSettings:
    """What another server would know."""
    saved = SavedSettings(registry)
    await saved.fresh()
    return saved


async def test_nothing_is_decided_at_first(registry: Registry) -> None:
    saved = await reread(registry)

    assert saved.of("m") == ModelSettings()
    assert saved.model_of("m") is None


async def test_what_is_saved_is_known_here_and_to_others(registry: Registry) -> None:
    saved = SavedSettings(registry)
    await saved.save("m", ALL)

    for known in (saved, await reread(registry)):
        assert known.of("m") == ALL
        assert known.model_of("gpt-4o") == "m"


async def test_a_model_may_be_kept_for_ever(registry: Registry) -> None:
    await SavedSettings(registry).save("m", ModelSettings(keep_alive_s=math.inf))

    assert (await reread(registry)).of("m").keep_alive_s == math.inf


async def test_a_new_value_takes_the_place_of_the_old_one(registry: Registry) -> None:
    saved = SavedSettings(registry)
    await saved.save("m", ALL)
    await saved.save("m", ModelSettings(aliases=("small",), keep_alive_s=5))

    assert (await reread(registry)).of("m") == ModelSettings(aliases=("small",), keep_alive_s=5)
    assert saved.model_of("gpt-4o") is None


async def test_an_empty_value_forgets_all(registry: Registry) -> None:
    saved = SavedSettings(registry)
    await saved.save("m", ALL)
    await saved.save("m", ModelSettings())

    assert (await reread(registry)).of("m") == ModelSettings()


async def test_an_alias_belongs_to_one_model(registry: Registry) -> None:
    saved = SavedSettings(registry)
    await saved.save("m", ALL)
    await saved.save("other", ModelSettings(is_pinned=True))
    with pytest.raises(InvalidRequestError, match="belongs to m") as caught:
        await saved.save("other", ModelSettings(aliases=("mine", "small")))

    assert caught.value.param == "aliases"
    assert (await reread(registry)).of("other") == ModelSettings(is_pinned=True)


async def test_another_servers_change_is_known_after_a_while(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await reread(registry)
    await SavedSettings(registry).save("m", ALL)
    await saved.fresh()
    assert saved.of("m") == ModelSettings()

    monkeypatch.setattr(saved, "_fresh_until", 0.0)
    await asyncio.gather(*(saved.fresh() for _ in range(5)))
    assert saved.of("m") == ALL


async def test_options_of_another_version_are_passed_over(registry: Registry) -> None:
    await SavedSettings(registry).save("m", ALL)
    await registry.run(
        lambda session: session.execute(
            text("UPDATE llm_model_settings SET options = :options"),
            {"options": '{"slots": 3, "of_the_future": 1}'},
        )
    )

    assert (await reread(registry)).of("m").options == LoadOptions(slots=3)


async def test_looking_makes_no_registry(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.sqlite3'}")
    await reread(registry)

    assert not await registry.exists()
    await registry.close()


async def test_a_damaged_registry_is_told_once_in_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "registry.sqlite3"
    path.write_bytes(b"This is no database." * 100)
    registry = Registry(f"sqlite:///{path}")
    saved = await reread(registry)
    await saved.fresh()

    assert saved.of("m") == ModelSettings()
    assert caplog.text.count("is damaged") == 1
    with pytest.raises(RegistryError):
        await saved.save("m", ALL)
    await registry.close()


async def test_a_slow_registry_is_not_waited_for(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.02)
    await SavedSettings(registry).save("m", ALL)
    release = asyncio.Event()

    async def slowly() -> bool:
        await release.wait()
        return True

    monkeypatch.setattr(registry, "exists", slowly)
    saved = await reread(registry)
    assert saved.of("m") == ModelSettings()
    release.set()
    monkeypatch.setattr(module, "_PATIENCE_S", 5.0)
    await saved.fresh()
    assert saved.of("m") == ALL
