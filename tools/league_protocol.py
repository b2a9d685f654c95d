"""Hold the league's protocol buffers to their own past: no change may break a client of v1.

    python -m tools.league_protocol [--check]

``buf lint`` reads them, and ``buf breaking`` compares them with the image of what was served,
``league/proto/v1.txtpb``. Without ``--check`` what was added since is written to the image, and is
held from then on. An image that lacks additions is no failure: two branches that add something
would each have to write it again after the other. What breaks is refused with or without
``--check``; nothing here writes over it. The way out is a package ``v2`` beside v1. (Of what was
never served anywhere, delete the image, and say in the commit why.)
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PROTOS: Final = Path("league/proto")
IMAGE: Final = PROTOS / "v1.txtpb"
_BUF: Final = Path(sys.executable).parent / "buf"


def main(
    arguments: Sequence[str] | None = None, *, protos: Path = PROTOS, image: Path = IMAGE
) -> int:
    """Check, and without ``--check`` renew the image; return 1 where something is refused."""
    parser = argparse.ArgumentParser(description="Check the league's protocol buffers with buf.")
    parser.add_argument("--check", action="store_true", help="only compare; write no image")
    options = parser.parse_args(arguments)
    if _buf("lint", str(protos)):
        return 1
    if image.exists():
        if _buf("breaking", str(protos), "--against", str(image)):
            print(f"{protos} breaks clients of {image}: add, and never change", file=sys.stderr)
            return 1
    elif options.check:
        print(f"{image} is not there: run `make generate`", file=sys.stderr)
        return 1
    if options.check:
        return 0
    return _buf("build", str(protos), "--exclude-source-info", "--output", str(image))


def _buf(*arguments: str) -> int:
    return subprocess.run([str(_BUF), *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
