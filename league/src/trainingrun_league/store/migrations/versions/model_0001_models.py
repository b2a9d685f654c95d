"""Models, the changes of their stages, and the order of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "model_0001"
down_revision = None
branch_labels = ("model",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    models = op.create_table(
        "model_models",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("lineage", sa.String(200), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("is_usable", sa.Boolean, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("schema_hash", sa.String(64), nullable=False),
        sa.Column("algorithm", sa.String(64), nullable=False),
        sa.Column("simulations", sa.BigInteger, nullable=False),
        sa.Column("training_games", sa.BigInteger, nullable=False),
        sa.Column("published_at", sa.Float, nullable=False),
        sa.Column("idempotency_key", sa.String(200), nullable=True),
        sa.Column("validation", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_model_models"),
        sa.UniqueConstraint("idempotency_key", name="uq_model_models_idempotency_key"),
    )
    op.create_index(
        "uq_model_models_lineage_sha256", "model_models", ["lineage", "sha256"], unique=True
    )
    is_champion = models.c.stage == "promoted"
    op.create_index(
        "uq_model_models_champion",
        "model_models",
        ["stage"],
        unique=True,
        sqlite_where=is_champion,
        postgresql_where=is_champion,
    )
    op.create_index("ix_model_models_stage_number", "model_models", ["stage", "number"])
    op.create_table(
        "model_changes",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("model", sa.BigInteger, nullable=False),
        sa.Column("before", sa.String(32), nullable=False),
        sa.Column("after", sa.String(32), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_model_changes"),
        sa.ForeignKeyConstraint(
            ["model"], ["model_models.number"], name="fk_model_changes_model_model_models"
        ),
    )
    op.create_index("ix_model_changes_model", "model_changes", ["model"])
    clock = op.create_table(
        "model_clock",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.Column("models", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model_clock"),
        sa.CheckConstraint("id = 1", name="ck_model_clock_one_row"),
    )
    op.bulk_insert(clock, [{"id": 1, "changes": 0, "models": 0}])


def downgrade() -> None:
    """Drop them."""
    for table in ("model_clock", "model_changes", "model_models"):
        op.drop_table(table)
