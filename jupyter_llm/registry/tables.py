"""The tables as the newest migration leaves them; imports SQLAlchemy.

Times are in seconds since the epoch. Nothing refers to another table: a model's settings
and its usage outlive its files.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, Double, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables have in common."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text,
        int: BigInteger,
        float: Double,
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
    }


class ModelRow(Base):
    """A model that was seen, as its files last were."""

    __tablename__ = "llm_models"

    id: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    format: Mapped[str]
    size_bytes: Mapped[int]
    architecture: Mapped[str]
    quantization: Mapped[str]
    first_seen_at: Mapped[float]
    last_seen_at: Mapped[float]
    last_used_at: Mapped[float | None]


class DownloadRow(Base):
    """A download into one folder; its bytes are in the files themselves."""

    __tablename__ = "llm_downloads"

    models_dir: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    repo_id: Mapped[str]
    revision: Mapped[str]
    files: Mapped[list[dict[str, Any]]]
    state: Mapped[str]
    error: Mapped[str]
    updated_at: Mapped[float]


class SettingsRow(Base):
    """What was decided about one model."""

    __tablename__ = "llm_model_settings"

    model_id: Mapped[str] = mapped_column(primary_key=True)
    options: Mapped[dict[str, Any]]
    is_pinned: Mapped[bool]
    keep_alive_s: Mapped[float | None]


class AliasRow(Base):
    """A further name of a model."""

    __tablename__ = "llm_aliases"

    alias: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(index=True)


class ResponseRow(Base):
    """A response that its user may go on from; what he asked and was answered, as JSON text."""

    __tablename__ = "llm_responses"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    created_at: Mapped[float] = mapped_column(index=True)
    previous_id: Mapped[str | None]
    input: Mapped[str]
    response: Mapped[str]


class ServiceRow(Base):
    """A service that was started at one place; `record` is all that its server knows of it."""

    __tablename__ = "llm_services"

    key: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(index=True)
    job_id: Mapped[str]
    name: Mapped[str]
    recipe: Mapped[str]
    owner: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[float]
    ended_at: Mapped[float | None]
    record: Mapped[dict[str, Any]]


class UsageRow(Base):
    """What a model has done on one day of UTC."""

    __tablename__ = "llm_usage"

    model_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    num_requests: Mapped[int]
    num_prompt_tokens: Mapped[int]
    num_completion_tokens: Mapped[int]


class HourRow(Base):
    """What requests of one user to one model took in the hour that begins at `hour`."""

    __tablename__ = "llm_usage_hours"

    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    model_id: Mapped[str] = mapped_column(primary_key=True)
    user_name: Mapped[str] = mapped_column(primary_key=True)
    num_requests: Mapped[int]
    num_failed: Mapped[int]
    num_prompt_tokens: Mapped[int]
    num_completion_tokens: Mapped[int]
    num_first_tokens: Mapped[int]
    first_token_s: Mapped[float]
    duration_s: Mapped[float]
