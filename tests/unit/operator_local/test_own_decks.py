"""Decks that a run on this machine brings itself: files beside its state."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.own_decks import OwnDeck
from trainingrun_reconciler.owner import RunIdentity

BURN = OwnDeck("spec.decks[0].inline", "burn", text="60 Mountain")
LIONS = OwnDeck("spec.decks[1].inline", "lions", text="60 Plains")


def prepared(folder: RunFolder, *decks: OwnDeck) -> set[str]:
    """The files after the run began with these decks."""
    folder.make()
    shared = SharedResources(b"{}", managed_redis=False, redis_url="redis://r:1/0", decks=decks)
    backend = LocalBackend(folder, decks=folder.root)
    asyncio.run(backend.prepare(RunIdentity("local", "run", "uid"), shared))
    return {each.name for each in folder.decks.glob("*")}


def test_lists_become_files_and_those_of_before_go(tmp_path: Path) -> None:
    """A name that is given back to the folder of decks must not be hidden by an old list."""
    folder = RunFolder(tmp_path)
    assert prepared(folder, BURN, LIONS) == {"burn.dck", "lions.dck"}
    assert "60 Mountain\n" in (folder.decks / "burn.dck").read_text()
    assert prepared(folder, LIONS) == {"lions.dck"}
    assert prepared(folder) == set()


@pytest.mark.parametrize(
    ("deck", "words"),
    [
        (OwnDeck("spec.decks[0].configMapKeyRef", "x", source=("m", "k")), "put ConfigMap m into"),
        (OwnDeck("spec.decks[0].inline", "x", text="Bolt"), "deck x, line 1: 'Bolt' is no line"),
    ],
)
def test_a_deck_that_cannot_be_had_here(tmp_path: Path, deck: OwnDeck, words: str) -> None:
    """A sentence, and no second try: only a change of the run helps."""
    with pytest.raises(BackendError, match=words) as refused:
        prepared(RunFolder(tmp_path), deck)
    assert not refused.value.retry
