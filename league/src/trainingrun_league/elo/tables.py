"""The tables of the Elo service: players, raw results, and their sums by pairing.

``results`` is the truth. ``pairings`` is what it sums up to, kept in the transaction of each new
result: a fit then reads one row a pairing, and not one a match of all time. ``changed_at`` lets a
process read those alone that changed since it read last.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from trainingrun_league.store.base import Table

LONGEST_ID = 200
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in a column of the type INTEGER alone."""


class PlayerRow(Table):
    """A player that has been registered, or that results name."""

    __tablename__ = "elo_players"

    id: Mapped[str] = mapped_column(String(LONGEST_ID), primary_key=True)
    kind: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(LONGEST_ID))
    registered_at: Mapped[float] = mapped_column(Float)


class ResultRow(Table):
    """The result of a match; ``number`` orders them as they came."""

    __tablename__ = "elo_results"
    __table_args__ = (
        Index("ix_elo_results_first", "first", "number"),
        Index("ix_elo_results_second", "second", "number"),
    )

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    match_id: Mapped[str] = mapped_column(String(LONGEST_ID), unique=True)
    first: Mapped[str] = mapped_column(String(LONGEST_ID))
    second: Mapped[str] = mapped_column(String(LONGEST_ID))
    wins: Mapped[int] = mapped_column(Integer)
    draws: Mapped[int] = mapped_column(Integer)
    losses: Mapped[int] = mapped_column(Integer)
    purpose: Mapped[int] = mapped_column(Integer)
    played_at: Mapped[float] = mapped_column(Float)


class PairingRow(Table):
    """Sums of the rated results of two players; ``first`` is the lesser name."""

    __tablename__ = "elo_pairings"

    first: Mapped[str] = mapped_column(String(LONGEST_ID), primary_key=True)
    second: Mapped[str] = mapped_column(String(LONGEST_ID), primary_key=True)
    wins: Mapped[int] = mapped_column(BigInteger)
    draws: Mapped[int] = mapped_column(BigInteger)
    losses: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[float] = mapped_column(Float, index=True)
