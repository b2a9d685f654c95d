"""``python -m trainingrun_trainer.checkpoint``: list, verify, copy or remove checkpoints, for
programs.

Prints one JSON document (``contracts.checkpoints``). People use ``trainingrun checkpoint``, which
calls this; in the trainer's image, where that command is not, this shows a claim's checkpoints.
Exit codes: 0 fine; 1 a checkpoint is damaged, or there is none to copy; 2 the place cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import msgspec
from trainingrun_contracts.checkpoints import CheckpointListing, CheckpointState

from trainingrun_trainer.checkpoint.archive import Owner
from trainingrun_trainer.checkpoint.inspection import (
    BEST,
    NEWEST,
    NothingFound,
    find_place,
    list_checkpoints,
    pull_checkpoint,
    remove_checkpoints,
    verify_checkpoints,
)
from trainingrun_trainer.checkpoint.store import StorageError

EXIT_DAMAGED: Final = 1
EXIT_USER: Final = 2


def main() -> None:
    """Do what the arguments say."""
    arguments = _parser().parse_args()
    try:
        code = _run(arguments)
    except StorageError as error:
        sys.exit(_reported_error(error, EXIT_USER))
    except NothingFound as error:
        sys.exit(_reported_error(error, EXIT_DAMAGED))
    sys.exit(code)


def _run(arguments: argparse.Namespace) -> int:
    place = find_place(arguments.place, endpoint_url=arguments.endpoint_url)
    match arguments.verb:
        case "ls":
            _print(list_checkpoints(place))
        case "verify":
            listing = verify_checkpoints(place)
            _print(listing)
            if any(row.state is CheckpointState.DAMAGED for row in listing.checkpoints):
                return EXIT_DAMAGED
        case "rm":
            _print(remove_checkpoints(place, arguments.run, owner=_owner(arguments)))
        case _:
            _print(pull_checkpoint(place, arguments.checkpoint, into=arguments.to))
    return 0


def _owner(arguments: argparse.Namespace) -> Owner | None:
    if not arguments.run_id:
        return None
    return Owner(arguments.run, arguments.run_id, arguments.namespace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainingrun_trainer.checkpoint")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, text in (
        ("ls", "list checkpoints by their manifests"),
        ("verify", "read every byte"),
        ("pull", "copy one checkpoint into a folder"),
        ("rm", "remove all checkpoints of one run"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("place", help="s3://bucket/prefix, file:///directory or a path")
        verb.add_argument("--endpoint-url", help="of an S3-compatible service")
        if name == "rm":
            verb.add_argument("--run", required=True, help="name of the run")
            verb.add_argument("--run-id", default="", help="its id: namesakes stay")
            verb.add_argument("--namespace", default="", help="its namespace")
        if name == "pull":
            verb.add_argument("--to", type=Path, default=Path(), help="folder")
            verb.add_argument(
                "--checkpoint", default=NEWEST, help=f"a name, {NEWEST} (default) or {BEST}"
            )
    return parser


def _print(listing: CheckpointListing) -> None:
    sys.stdout.write(msgspec.json.encode(listing).decode() + "\n")


def _reported_error(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code


if __name__ == "__main__":
    main()
