"""What people decide about single models: load options, keep-alive, pins and aliases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "llm_model_settings",
        sa.Column("model_id", sa.Text, primary_key=True),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("is_pinned", sa.Boolean, nullable=False),
        sa.Column("keep_alive_s", sa.Double, nullable=True),
    )
    op.create_table(
        "llm_aliases",
        sa.Column("alias", sa.Text, primary_key=True),
        sa.Column("model_id", sa.Text, nullable=False, index=True),
    )
