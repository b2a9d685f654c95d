"""Names for shell completion: decks, and runs with recorded games."""

from __future__ import annotations

from pathlib import Path

import typer
from trainingrun.commands.deck_folders import deck_names, decks_near
from trainingrun.commands.options import STATE


def complete_game(context: typer.Context, incomplete: str) -> list[str]:
    """Complete local runs with recorded games; with ``--daemon``, decks."""
    if context.params.get("daemon") is not None:
        return complete_deck(context, incomplete)
    state = _path(context.params.get("state")) or STATE
    found = {path.parent.parent.name for path in state.glob("*/tapes/*.jsonl")}
    return sorted(name for name in found if name.startswith(incomplete))


def complete_deck(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the decks of the folder that is named, or of the one near here."""
    folder = _path(context.params.get("folder")) or decks_near(Path("here"))
    names = deck_names(folder) if folder is not None and folder.is_dir() else ()
    return sorted(name for name in names if name.startswith(incomplete))


def _path(value: object) -> Path | None:
    return Path(str(value)) if value is not None else None
