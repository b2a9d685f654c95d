"""Matches, verdicts of the gate, tournaments."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "matchmaker_0001"
down_revision = None
branch_labels = ("matchmaker",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "matchmaker_matches",
        _text("id", 100),
        _number("purpose"),
        _text("first", 200),
        _text("second", 200),
        _number("pairs"),
        _number("games"),
        sa.Column("seed", sa.BigInteger, nullable=False),
        _text("state", 10),
        _moment("created_at"),
        _long("holders"),
        _moment("expires_at"),
        _moment("leased_at"),
        _moment("closed_at"),
        _text("report", 64),
        _text("reporter", 200),
        _long("played"),
        _number("wins"),
        _number("draws"),
        _number("losses"),
        _text("failed_player", 200),
        _text("problem", 1000),
        sa.Column("is_rated", sa.Boolean, nullable=False),
        sa.Column("rated_at", sa.Float, nullable=True),
        sa.Column("gate_number", sa.Integer, nullable=True),
        sa.Column("tournament_id", sa.String(100), nullable=True),
        sa.Column("round", sa.Integer, nullable=True),
        sa.Column("table_number", sa.Integer, nullable=True),
        _long("tickets"),
        _text("game_id", 200),
        _text("game_address", 300),
        _long("seat_tokens"),
        _text("offered_to", 200),
        _number("abandoned"),
        sa.PrimaryKeyConstraint("id", name="pk_matchmaker_matches"),
        sa.UniqueConstraint(
            "tournament_id", "round", "table_number", name="uq_matchmaker_matches_tournament_id"
        ),
    )
    op.create_index("ix_matchmaker_matches_state", "matchmaker_matches", ["state"])
    op.create_index("ix_matchmaker_matches_due", "matchmaker_matches", ["rated_at", "closed_at"])
    op.create_table(
        "matchmaker_verdicts",
        _text("candidate", 200),
        _text("champion", 200),
        sa.Column("promote", sa.Boolean, nullable=False),
        _number("wins"),
        _number("draws"),
        _number("losses"),
        _text("reason", 1000),
        _moment("decided_at"),
        sa.Column("reported_at", sa.Float, nullable=True),
        _text("problem", 1000),
        sa.PrimaryKeyConstraint("candidate", "champion", name="pk_matchmaker_verdicts"),
    )
    op.create_index("ix_matchmaker_verdicts_reported_at", "matchmaker_verdicts", ["reported_at"])
    op.create_table(
        "matchmaker_tournaments",
        _text("id", 100),
        _text("name", 200),
        _number("format"),
        _long("entrants"),
        _number("pairs"),
        _number("rounds"),
        sa.Column("seed", sa.BigInteger, nullable=False),
        _number("state"),
        _text("problem", 1000),
        _moment("created_at"),
        sa.Column("completed_at", sa.Float, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_matchmaker_tournaments"),
    )
    op.create_index("ix_matchmaker_tournaments_state", "matchmaker_tournaments", ["state"])
    op.create_index(
        "ix_matchmaker_tournaments_created_at", "matchmaker_tournaments", ["created_at"]
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("matchmaker_tournaments")
    op.drop_table("matchmaker_verdicts")
    op.drop_table("matchmaker_matches")


def _text(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


def _long(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Float, nullable=False)
