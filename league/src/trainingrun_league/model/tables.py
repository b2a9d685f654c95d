"""Tables of the Model service: models, every change of their stages, and the order of changes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from trainingrun_league.model.stages import Stage
from trainingrun_league.store.base import Table

CLOCK_ROW: Final = 1


class ModelRow(Table):
    """A model. Its bytes are the artefact ``models/SHA256``, which several models may share."""

    __tablename__ = "model_models"
    __table_args__ = (
        Index("uq_model_models_lineage_sha256", "lineage", "sha256", unique=True),
        # The database refuses a second champion, whatever the code above it does.
        Index(
            "uq_model_models_champion",
            "stage",
            unique=True,
            sqlite_where=text(f"stage = '{Stage.PROMOTED.value}'"),
            postgresql_where=text(f"stage = '{Stage.PROMOTED.value}'"),
        ),
        Index("ix_model_models_stage_number", "stage", "number"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Its id is ``m`` and this."""
    lineage: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(BigInteger)
    parent: Mapped[str] = mapped_column(String(64))
    role: Mapped[int]
    stage: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    is_usable: Mapped[bool]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    schema_hash: Mapped[str] = mapped_column(String(64))
    algorithm: Mapped[str] = mapped_column(String(64))
    simulations: Mapped[int] = mapped_column(BigInteger)
    training_games: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[float]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    validation: Mapped[str] = mapped_column(Text)
    """The report, as JSON of the message; empty before it."""
    changed: Mapped[int] = mapped_column(BigInteger)
    """Number of its newest change."""


class ChangeRow(Table):
    """One change of one model's stage."""

    __tablename__ = "model_changes"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    model: Mapped[int] = mapped_column(ForeignKey("model_models.number"), index=True)
    before: Mapped[str] = mapped_column(String(32))
    after: Mapped[str] = mapped_column(String(32))
    event: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[float]


class ClockRow(Table):
    """One row that counts changes and models.

    Every transaction that changes a stage begins by raising it, and so holds it until it ends:
    changes happen one after the other, also those of several processes, and their numbers rise in
    the order in which they become visible. A sequence of the database has no such order, and a
    watcher that asks for what is above the last number would miss a change.
    """

    __tablename__ = "model_clock"
    __table_args__ = (CheckConstraint(f"id = {CLOCK_ROW}", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    changes: Mapped[int] = mapped_column(BigInteger)
    models: Mapped[int] = mapped_column(BigInteger)
