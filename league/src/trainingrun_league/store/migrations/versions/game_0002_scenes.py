"""What seats saw in games that cannot be played again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "game_0002"
down_revision = "game_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("game_turns", sa.Column("scene", sa.Text, nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("game_turns", "scene")
