"""Where checkpoints are: a local run's name, a path, or an address of a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainingrun_contracts.run_config import ConfigError, decode

from trainingrun.commands.errors import UserError
from trainingrun.local.folder import RunFolder


@dataclass(frozen=True)
class Location:
    """An address that the trainer's tool takes, and the folder with copies where there is one."""

    address: str
    endpoint_url: str | None = None
    copies: Path | None = None


def place_of(target: str, *, state: Path, endpoint_url: str | None) -> Location:
    """Return the place that the user names.

    Raises:
        UserError: it is neither a run nor a folder nor an address.
    """
    if "://" in target:
        if not target.startswith(("s3://", "file:///")):
            raise UserError(f"{target}: give s3://bucket/prefix, file:///directory or a path")
        return Location(target, endpoint_url)
    folder = RunFolder((state / target).absolute())
    if "/" not in target and folder.config.is_file():
        return _place_of_run(target, folder, endpoint_url)
    if Path(target).is_dir():
        return Location(str(Path(target).absolute()))
    known = sorted(path.parent.name for path in state.glob("*/config.json"))
    there = f"found: {', '.join(known)}" if known else "none found"
    raise UserError(
        f"{target}: no local run in {state} ({there}), no folder and no s3:// address: for a run on"
        " a cluster give the address in its status.checkpoint.uri"
    )


def _place_of_run(name: str, folder: RunFolder, endpoint_url: str | None) -> Location:
    try:
        checkpoint = decode(folder.config.read_bytes()).checkpoint
    except OSError as error:
        raise UserError(f"{folder.config}: cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise UserError(
            f"{name}: {error}: give the folder of its checkpoints, {folder.checkpoints}"
        ) from error
    copies = Path(checkpoint.cache) if checkpoint.cache is not None else None
    has_copies = checkpoint.storage.startswith("s3://") and copies is not None and copies.is_dir()
    return Location(
        checkpoint.storage,
        endpoint_url or checkpoint.endpoint_url,
        copies if has_copies else None,
    )
