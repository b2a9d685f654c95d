"""Calling the trainer's tool: arguments out, one JSON document in."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import msgspec
from trainingrun_contracts.checkpoints import CheckpointListing

from trainingrun.commands.checkpoint.places import Location
from trainingrun.commands.errors import UserError

_MODULE: Final = "trainingrun_trainer.checkpoint"
_ANSWERED: Final = (0, 1)


@dataclass(frozen=True)
class Answer:
    """What the tool found; without a listing, the sentence why there is none."""

    code: int
    listing: CheckpointListing | None
    sentence: str = ""


def ask(verb: str, place: Location, *options: str) -> Answer:
    """Run the trainer's tool on a location.

    Raises:
        UserError: the place cannot be used, or the tool is not installed.
    """
    if find_spec("trainingrun_trainer") is None:
        raise UserError("checkpoint: the trainer reads checkpoints: install trainingrun-trainer")
    endpoint = ("--endpoint-url", place.endpoint_url) if place.endpoint_url else ()
    command = [sys.executable, "-m", _MODULE, verb, *endpoint, *options, "--", place.address]
    done = subprocess.run(command, capture_output=True, check=False)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    sentence = lines[-1] if lines else f"the trainer's tool ended with code {done.returncode}"
    if done.returncode not in _ANSWERED:
        raise UserError(f"{sentence}{_hint(place)}")
    if not done.stdout.strip():
        return Answer(done.returncode, None, sentence)
    return Answer(done.returncode, msgspec.json.decode(done.stdout, type=CheckpointListing))


def _hint(place: Location) -> str:
    return "" if place.copies is None else f"; this machine has copies in {place.copies}"
