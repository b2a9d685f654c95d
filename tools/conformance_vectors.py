"""Copy the vectors of ``tests/protocol`` into the package, so that an installed one has them.

    python -m tools.conformance_vectors [--check]

With ``--check`` nothing is written; the exit code is 1 when the copies differ. Paths are below the
current directory, which is the repository's root when make calls. A link in place of copies was
refused: wheels do not carry links.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainingrun_protocol.conformance.library import FOLDER

SOURCE: Final = Path("tests/protocol")
COPY: Final = Path("protocol/src/trainingrun_protocol/conformance") / FOLDER


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare the copies."""
    parser = argparse.ArgumentParser(description="Copy the conformance vectors into the package.")
    parser.add_argument("--check", action="store_true", help="only compare; 1 when a file differs")
    options = parser.parse_args(arguments)
    wanted = {path.name: path.read_bytes() for path in sorted(SOURCE.glob("*.txt"))}
    found = {path.name: path.read_bytes() for path in COPY.glob("*.txt")}
    stale = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    for name in stale:
        if options.check:
            print(f"{COPY / name} differs from {SOURCE}: run `make generate`", file=sys.stderr)
        elif name in wanted:
            COPY.mkdir(exist_ok=True)
            (COPY / name).write_bytes(wanted[name])
            print(COPY / name)
        else:
            (COPY / name).unlink()
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
