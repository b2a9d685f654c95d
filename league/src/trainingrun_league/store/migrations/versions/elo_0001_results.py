"""Players, results of matches, and their sums by pairing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "elo_0001"
down_revision = None
branch_labels = ("elo",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "elo_players",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("registered_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_elo_players"),
    )
    op.create_table(
        "elo_results",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("match_id", sa.String(200), nullable=False),
        sa.Column("first", sa.String(200), nullable=False),
        sa.Column("second", sa.String(200), nullable=False),
        sa.Column("wins", sa.Integer, nullable=False),
        sa.Column("draws", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("purpose", sa.Integer, nullable=False),
        sa.Column("played_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_elo_results"),
        sa.UniqueConstraint("match_id", name="uq_elo_results_match_id"),
    )
    op.create_index("ix_elo_results_first", "elo_results", ["first", "number"])
    op.create_index("ix_elo_results_second", "elo_results", ["second", "number"])
    op.create_table(
        "elo_pairings",
        sa.Column("first", sa.String(200), nullable=False),
        sa.Column("second", sa.String(200), nullable=False),
        sa.Column("wins", sa.BigInteger, nullable=False),
        sa.Column("draws", sa.BigInteger, nullable=False),
        sa.Column("losses", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("first", "second", name="pk_elo_pairings"),
    )
    op.create_index("ix_elo_pairings_changed_at", "elo_pairings", ["changed_at"])


def downgrade() -> None:
    """Drop them."""
    for table in ("elo_pairings", "elo_results", "elo_players"):
        op.drop_table(table)
