"""The Matchmaker's tables: matches, verdicts of the gate, tournaments.

A match is one row from the moment that it is decided until long after it was rated: what is to be
played, who plays it, its games, and whether the Elo service has it. One row changes in one
statement, so no half of a match is ever there. Games in a table of their own were refused: they are
written and read with their match alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trainingrun_league.store.base import Table


class MatchRow(Table):
    """A match: see ``matches.Match``. Lists are JSON."""

    __tablename__ = "matchmaker_matches"
    __table_args__ = (
        UniqueConstraint("tournament_id", "round", "table_number"),
        Index("ix_matchmaker_matches_due", "rated_at", "closed_at"),
    )

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    purpose: Mapped[int] = mapped_column(Integer)
    first: Mapped[str] = mapped_column(String(200))
    second: Mapped[str] = mapped_column(String(200))
    pairs: Mapped[int] = mapped_column(Integer)
    games: Mapped[int] = mapped_column(Integer)
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10), index=True)
    created_at: Mapped[float] = mapped_column(Float)
    holders: Mapped[str] = mapped_column(Text, default="[]")
    expires_at: Mapped[float] = mapped_column(Float, default=0.0)
    leased_at: Mapped[float] = mapped_column(Float, default=0.0)
    closed_at: Mapped[float] = mapped_column(Float, default=0.0)
    report: Mapped[str] = mapped_column(String(64), default="")
    reporter: Mapped[str] = mapped_column(String(200), default="")
    played: Mapped[str] = mapped_column(Text, default="[]")
    wins: Mapped[int] = mapped_column(Integer, default=0)
    draws: Mapped[int] = mapped_column(Integer, default=0)
    losses: Mapped[int] = mapped_column(Integer, default=0)
    failed_player: Mapped[str] = mapped_column(String(200), default="")
    problem: Mapped[str] = mapped_column(String(1000), default="")
    is_rated: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the Elo service is to have it."""
    rated_at: Mapped[float | None] = mapped_column(Float, nullable=True, default=None)
    """When it was given to the Elo service, or refused by it."""
    gate_number: Mapped[int | None] = mapped_column(Integer, nullable=True, default=None)
    tournament_id: Mapped[str | None] = mapped_column(String(100), nullable=True, default=None)
    round: Mapped[int | None] = mapped_column(Integer, nullable=True, default=None)
    table_number: Mapped[int | None] = mapped_column(Integer, nullable=True, default=None)
    tickets: Mapped[str] = mapped_column(Text, default="[]")
    """Of a seated match: the tickets of the first and the second player; empty for a worker."""
    game_id: Mapped[str] = mapped_column(String(200), default="")
    game_address: Mapped[str] = mapped_column(String(300), default="")
    seat_tokens: Mapped[str] = mapped_column(Text, default="[]")
    offered_to: Mapped[str] = mapped_column(String(200), default="")
    """The worker that took the seat of a model."""
    abandoned: Mapped[int] = mapped_column(Integer, default=0)


class VerdictRow(Table):
    """What the gate decided of a candidate against a champion."""

    __tablename__ = "matchmaker_verdicts"

    candidate: Mapped[str] = mapped_column(String(200), primary_key=True)
    champion: Mapped[str] = mapped_column(String(200), primary_key=True)
    promote: Mapped[bool] = mapped_column(Boolean)
    wins: Mapped[int] = mapped_column(Integer)
    draws: Mapped[int] = mapped_column(Integer)
    losses: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(1000))
    decided_at: Mapped[float] = mapped_column(Float)
    reported_at: Mapped[float | None] = mapped_column(Float, nullable=True, index=True)
    problem: Mapped[str] = mapped_column(String(1000), default="")
    """Why the Model service did not follow it; empty where it did."""


class TournamentRow(Table):
    """A tournament; its matches are rows of their own, its bracket follows from them."""

    __tablename__ = "matchmaker_tournaments"

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    format: Mapped[int] = mapped_column(Integer)
    entrants: Mapped[str] = mapped_column(Text)
    pairs: Mapped[int] = mapped_column(Integer)
    rounds: Mapped[int] = mapped_column(Integer)
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[int] = mapped_column(Integer, index=True)
    problem: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[float] = mapped_column(Float, index=True)
    completed_at: Mapped[float | None] = mapped_column(Float, nullable=True, default=None)
