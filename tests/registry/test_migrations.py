"""Every earlier registry, with data in it, becomes one of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from jupyter_llm.errors import RegistryError
from jupyter_llm.registry.connection import open_engine
from jupyter_llm.registry.migrate import VERSION_TABLE, bring_up_to_date, versions
from jupyter_llm.registry.tables import (
    AliasRow,
    Base,
    DownloadRow,
    ModelRow,
    ResponseRow,
    ServiceRow,
    SettingsRow,
    UsageRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.orm import DeclarativeBase

DATA = {
    "0001": (
        """INSERT INTO llm_models (id, path, format, size_bytes, architecture, quantization,
        first_seen_at, last_seen_at)
        VALUES ('guide', '/m/guide.gguf', 'gguf', 5000000000, 'llama', 'F16', 1.5, 2.5)""",
        """INSERT INTO llm_downloads (models_dir, id, repo_id, revision, files, state, error,
        updated_at) VALUES ('/m', 'org--m', 'org/m', 'main',
        '[{"path": "m.gguf", "size_bytes": 7}]', 'running', '', 3.5)""",
    ),
    "0002": (
        """INSERT INTO llm_model_settings (model_id, options, is_pinned, keep_alive_s)
        VALUES ('guide', '{"slots": 2}', true, 60)""",
        "INSERT INTO llm_aliases (alias, model_id) VALUES ('gpt-4o', 'guide')",
    ),
    "0003": (
        "INSERT INTO llm_usage VALUES ('guide', '2026-11-01', 1, 2, 3)",
        "UPDATE llm_models SET last_used_at = 2.25",
    ),
    "0004": (
        """INSERT INTO llm_responses (id, owner, created_at, previous_id, input, response)
        VALUES ('resp_1', 'ada', 4.5, NULL, '[]', '{"output": []}')""",
    ),
    "0005": (
        """INSERT INTO llm_services (key, place, job_id, name, recipe, owner, state, created_at,
        ended_at, record) VALUES ('slurm-1', '/s', '7', 'gpt2', 'inference/vllm-cpu', 'ada',
        'running', 5.5, NULL, '{"key": "slurm-1"}')""",
    ),
    "0006": ("INSERT INTO llm_usage_hours VALUES (3600, 'guide', 'ada', 1, 0, 2, 3, 1, 0.5, 2.5)",),
}
"""What each migration is followed by: statements that fill what it has made."""


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


def fill(engine: Engine, version: str) -> None:
    """A registry as the package of that version would have left it."""
    for step in versions():
        if step > version:
            return
        bring_up_to_date(engine, step)
        with engine.begin() as connection:
            for statement in DATA[step]:
                connection.exec_driver_sql(statement)


def row(engine: Engine, table: type[DeclarativeBase]) -> dict[str, object]:
    """The only row of a table."""
    with engine.begin() as connection:
        return dict(connection.execute(select(table)).mappings().one())


def test_every_version_has_its_data() -> None:
    assert tuple(DATA) == versions()


@pytest.mark.parametrize("version", versions())
def test_a_registry_of_an_earlier_version_keeps_its_data(engine: Engine, version: str) -> None:
    fill(engine, version)
    bring_up_to_date(engine)

    model = row(engine, ModelRow)
    assert model["size_bytes"] == 5_000_000_000
    assert model["first_seen_at"] == 1.5
    download = row(engine, DownloadRow)
    assert download["files"] == [{"path": "m.gguf", "size_bytes": 7}]
    if version >= "0002":
        assert row(engine, SettingsRow) == {
            "model_id": "guide",
            "options": {"slots": 2},
            "is_pinned": True,
            "keep_alive_s": 60.0,
        }
        assert row(engine, AliasRow) == {"alias": "gpt-4o", "model_id": "guide"}
    assert model["last_used_at"] == (2.25 if version >= "0003" else None)
    if version >= "0003":
        assert row(engine, UsageRow)["num_completion_tokens"] == 3
    if version >= "0004":
        assert row(engine, ResponseRow)["response"] == '{"output": []}'
    if version >= "0005":
        assert row(engine, ServiceRow)["record"] == {"key": "slurm-1"}


def test_the_migrations_make_the_tables_that_the_code_reads(engine: Engine) -> None:
    bring_up_to_date(engine)

    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []


def test_a_migration_that_fails_leaves_the_registry_as_it_was(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine, "0001")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE llm_usage (in_the_way INTEGER)"))
    with pytest.raises(Exception, match="llm_usage"):
        bring_up_to_date(engine)

    with engine.begin() as connection:
        version = connection.scalar(text("SELECT version_num FROM llm_version"))
        connection.execute(text("DROP TABLE llm_usage"))
    assert version == "0001"
    bring_up_to_date(engine)
    assert row(engine, ModelRow)["last_used_at"] is None


def test_a_registry_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    bring_up_to_date(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE llm_version SET version_num = '9999'"))

    with pytest.raises(RegistryError, match=r"newer version .*9999"):
        bring_up_to_date(engine)


def test_a_database_of_other_programs_may_be_shared(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('4621fec11365')"))
    bring_up_to_date(engine)

    with engine.begin() as connection:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert found == "4621fec11365"
