"""Who serves a service of which there is one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "frame_0002"
down_revision = "frame_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "epochs",
        sa.Column("service", sa.String(20), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String(300), nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("service", name="pk_epochs"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("epochs")
