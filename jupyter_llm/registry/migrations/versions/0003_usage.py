"""How much each model was used, by day, and when it last was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table, and add the time to the models that are known."""
    op.add_column("llm_models", sa.Column("last_used_at", sa.Double, nullable=True))
    op.create_table(
        "llm_usage",
        sa.Column("model_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("num_requests", sa.BigInteger, nullable=False),
        sa.Column("num_prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("num_completion_tokens", sa.BigInteger, nullable=False),
    )
