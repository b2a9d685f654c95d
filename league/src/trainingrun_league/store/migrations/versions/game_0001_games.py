"""Games and their turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "game_0001"
down_revision = None
branch_labels = ("game",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "game_games",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("creation_key", sa.String(220), nullable=False),
        sa.Column("creation_digest", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("match_id", sa.String(200), nullable=False),
        sa.Column("purpose", sa.Integer, nullable=False),
        sa.Column("first", sa.String(200), nullable=False),
        sa.Column("second", sa.String(200), nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("seed", sa.String(20), nullable=False),
        sa.Column("move_seconds", sa.Float, nullable=False),
        sa.Column("phase", sa.Integer, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float, nullable=True),
        sa.Column("finished_at", sa.Float, nullable=True),
        sa.Column("return_first", sa.Float, nullable=False),
        sa.Column("return_second", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("report", sa.Integer, nullable=False),
        sa.Column("report_problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_game_games"),
        sa.UniqueConstraint("creation_key", name="uq_game_games_creation_key"),
    )
    op.create_index("ix_game_games_created_at_id", "game_games", ["created_at", "id"])
    op.create_index("ix_game_games_phase", "game_games", ["phase"])
    op.create_index("ix_game_games_report", "game_games", ["report"])
    op.create_table(
        "game_turns",
        sa.Column("game_id", sa.String(64), nullable=False),
        sa.Column("turn", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("seat", sa.Integer, nullable=False),
        sa.Column("action", sa.Integer, nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("thought", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("game_id", "turn", name="pk_game_turns"),
        sa.ForeignKeyConstraint(
            ["game_id"],
            ["game_games.id"],
            name="fk_game_turns_game_id_game_games",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("game_turns")
    op.drop_table("game_games")
