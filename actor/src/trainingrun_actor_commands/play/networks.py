"""Reads the network of a checkpoint: of a local run, a folder, or a bucket; without torch.

A checkpoint of AlphaZero has the published form of its network as a file of its own; one of PPO has
no other form.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from trainingrun.commands.checkpoint.contents import (
    MODEL_FILE,
    Manifest,
    UnfitCheckpointError,
    content_of,
    manifest_of,
)
from trainingrun.commands.checkpoint.places import Location, place_of
from trainingrun.commands.checkpoint.tool import ask
from trainingrun.commands.errors import UserError
from trainingrun.commands.eval.weights import with_metadata
from trainingrun_actor.policy import PolicyLoader
from trainingrun_actor.policy_evaluator import PolicyEvaluator
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_contracts.checkpoints import POLICY_FILE, CheckpointRow
from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_contracts.own_network import own_network
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Games
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import games_of
from trainingrun_environments.replay import names_no_module
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.evaluators import Evaluator

NEWEST: Final = "newest"
BEST: Final = "best"


class Network(Struct, frozen=True):
    """A network that can be played with.

    Attributes:
        name: of its checkpoint.
        step: optimiser step.
        training_games: games that were played before it.
        search: how its run searches; None of a policy of PPO.
    """

    name: str
    step: int
    training_games: int
    games: Games
    evaluator: Evaluator
    search: SearchConfig | None


@dataclass(frozen=True)
class Wanted:
    """Which network: ``target`` is a run, a folder or an address; ``environment`` what it plays,
    where that is said beside it."""

    target: str
    state: Path
    checkpoint: str = NEWEST
    endpoint_url: str | None = None
    environment: str | None = None


def find_network(wanted: Wanted) -> Network:
    """Return the network that is meant.

    Raises:
        UserError: there is no such checkpoint, or it cannot be played with.
    """
    place = place_of(wanted.target, state=wanted.state, endpoint_url=wanted.endpoint_url)
    is_own_run = (wanted.state / wanted.target / "config.json").is_file()
    named = _named(wanted.environment)
    rows = _listed(place)
    row = _chosen(rows, wanted)
    parts = urlsplit(row.uri)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        return read_network(folder, environment=named, is_trusted=is_own_run)
    with tempfile.TemporaryDirectory(prefix="trainingrun-play-") as scratch:
        answer = ask("pull", place, "--to", scratch, "--checkpoint", row.name)
        if answer.listing is None or answer.listing.pulled is None:
            raise UserError(f"play: {answer.sentence}")
        folder = Path(answer.listing.pulled)
        return read_network(folder, environment=named, is_trusted=is_own_run)


def _named(environment: str | None) -> EnvironmentConfig | None:
    try:
        return None if environment is None else config_of(environment)
    except UnknownEnvironment as error:
        raise UserError(f"play: --environment: {error}") from error


def _listed(place: Location) -> tuple[CheckpointRow, ...]:
    listing = ask("ls", place).listing
    return () if listing is None else listing.checkpoints


def _chosen(rows: tuple[CheckpointRow, ...], wanted: Wanted) -> CheckpointRow:
    """Return the row that is asked for; without an evaluation the best is the newest."""
    if not rows:
        raise UserError(f"play: {wanted.target} has no checkpoint: train it first")
    match wanted.checkpoint:
        case "newest":
            found = next((row for row in rows if row.is_newest), rows[0])
        case "best":
            found = next((row for row in rows if row.is_best), rows[0])
        case name:
            named = [row for row in rows if row.name == name]
            if not named:
                there = ", ".join(row.name for row in rows[:5])
                raise UserError(
                    f"play: --checkpoint {name}: {wanted.target} has none of that name: it has"
                    f" {there}"
                )
            (found,) = named[:1]
    return found


def read_network(
    folder: Path, *, environment: EnvironmentConfig | None, is_trusted: bool
) -> Network:
    """Return the network of a checkpoint's folder.

    Args:
        folder: of the checkpoint.
        environment: what it plays; None for what its manifest says.
        is_trusted: whether the manifest may name code.

    Raises:
        UserError: it cannot be read, or not be played with here.
    """
    try:
        return _read(folder, environment=environment, is_trusted=is_trusted)
    except (WeightsError, ConfigError, UnfitCheckpointError) as error:
        raise UserError(f"play: the checkpoint {folder.name}: {error}") from error


def _read(folder: Path, *, environment: EnvironmentConfig | None, is_trusted: bool) -> Network:
    manifest = manifest_of(folder)
    if environment is None:
        environment = manifest.config.environment
        if not is_trusted and not names_no_module(environment):
            raise UserError(
                f"play: only the checkpoint {folder.name} says which code its game is: name the"
                " game with --environment if that is to be run"
            )
    games = playable_games(environment)
    if games.spec.schema_hash != manifest.schema_hash:
        raise UserError(
            f"play: the checkpoint {folder.name} was made for another game or another form of its"
            f" positions than {games.spec.name} is here"
        )
    evaluator = _evaluator(folder, manifest, games)
    alpha_zero, progress = manifest.config.alpha_zero, manifest.progress
    search = None if alpha_zero is None else alpha_zero.search
    return Network(folder.name, progress.step, progress.games, games, evaluator, search)


def playable_games(environment: EnvironmentConfig) -> Games:
    """Return the games of an environment.

    Raises:
        UserError: there is no such environment, or its games cannot be cloned for a search.
    """
    try:
        games = games_of(environment)
    except ConfigError as error:
        raise UserError(f"play: {error}") from error
    if not games.spec.is_forkable:
        raise UserError(
            f"play: {games.spec.name} cannot be searched: its games cannot be cloned, or a clone"
            " would know what players do not; choose another game"
        )
    return games


def _evaluator(folder: Path, manifest: Manifest, games: Games) -> Evaluator:
    spec = games.spec
    if POLICY_FILE in manifest.files:
        return BoardPolicy.from_bytes(content_of(folder, manifest, POLICY_FILE), spec)
    if manifest.config.alpha_zero is not None:
        raise UserError(
            f"play: the checkpoint {folder.name} has no file {POLICY_FILE}: a newer release writes"
            " it; train on for a checkpoint that has it"
        )
    metadata = {"schema_hash": manifest.schema_hash, "version": str(manifest.progress.step)}
    blob = with_metadata(content_of(folder, manifest, MODEL_FILE), metadata)
    sha256 = hashlib.sha256(blob).hexdigest()
    loader = PolicyLoader(spec, own_network(manifest.config.learner.network, spec))
    return PolicyEvaluator(loader.load(blob, Pointer(0, manifest.progress.step, 0, sha256, 0.0)))
