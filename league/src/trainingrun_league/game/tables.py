"""The tables of the Game service."""

from __future__ import annotations

from sqlalchemy import Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trainingrun_league.store.base import Table


class GameRow(Table):
    """A game: its seats, and how far it is."""

    __tablename__ = "game_games"
    __table_args__ = (
        UniqueConstraint("creation_key"),
        Index("ix_game_games_created_at_id", "created_at", "id"),
        Index("ix_game_games_phase", "phase"),
        Index("ix_game_games_report", "report"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    creation_key: Mapped[str] = mapped_column(String(220))
    """Idempotency key of the call that made it."""
    creation_digest: Mapped[str] = mapped_column(String(64))
    holder: Mapped[str] = mapped_column(String(200))
    """The process that holds it while it is played."""
    match_id: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[int] = mapped_column(Integer)
    first: Mapped[str] = mapped_column(String(200))
    second: Mapped[str] = mapped_column(String(200))
    taken: Mapped[int] = mapped_column(Integer)
    """Seats in which somebody sits: 1 and 2 as bits."""
    seed: Mapped[str] = mapped_column(String(20))
    """In decimal digits: a database's integers end at 2^63."""
    move_seconds: Mapped[float] = mapped_column(Float)
    phase: Mapped[int] = mapped_column(Integer)
    turns: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)
    return_first: Mapped[float] = mapped_column(Float)
    return_second: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text)
    report: Mapped[int] = mapped_column(Integer)
    """How far its result is on the way to the Matchmaker: ``journal.Report``."""
    report_problem: Mapped[str] = mapped_column(Text)


class TurnRow(Table):
    """An action that was played. Written before it counts: a game is resumed from them."""

    __tablename__ = "game_turns"

    game_id: Mapped[str] = mapped_column(
        ForeignKey("game_games.id", ondelete="CASCADE"), primary_key=True
    )
    turn: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seat: Mapped[int] = mapped_column(Integer)
    action: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(200))
    thought: Mapped[str | None] = mapped_column(Text)
    """JSON of ``table.Thought``."""
    scene: Mapped[str | None] = mapped_column(Text)
    """JSON of ``table.Scene``."""
