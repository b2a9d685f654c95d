"""Make the Python code of the league's protocol buffers: messages, clients, and their types.

    python -m tools.league_code [--check]

With ``--check`` nothing is written; the exit code is 1 when a file differs. ``protoc`` takes the
name of a module from the path of its file, which would be below ``trainingrun``, the package of
the command line: the imports are rewritten to where the code stands. A package of two distributions
was refused: that of the command line has an ``__init__``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

PROTOS: Final = Path("league/proto")
PACKAGE: Final = Path("trainingrun/league/v1")
CODE: Final = Path("contracts/src/trainingrun_contracts/league/v1")
INIT: Final = '"""Generated from the protocol buffers of the league by ``tools.league_code``."""\n'
WRITTEN: Final = "trainingrun.league.v1"
MEANT: Final = "trainingrun_contracts.league.v1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare the code."""
    parser = argparse.ArgumentParser(description="Make the code of the league's protocol buffers.")
    parser.add_argument("--check", action="store_true", help="only compare; 1 when a file differs")
    options = parser.parse_args(arguments)
    wanted = generated()
    found = {path.name: path.read_text() for path in CODE.glob("*.py*") if path.is_file()}
    stale = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    for name in stale:
        if options.check:
            print(f"{CODE / name} is not what {PROTOS} makes: run `make generate`", file=sys.stderr)
        elif name in wanted:
            CODE.mkdir(parents=True, exist_ok=True)
            (CODE / name).write_text(wanted[name])
            print(CODE / name)
        else:
            (CODE / name).unlink()
    return 1 if stale and options.check else 0


def generated() -> dict[str, str]:
    """Return the files by their names.

    Raises:
        SystemExit: a file cannot be compiled; the compiler has printed why.
    """
    sources = sorted(path.relative_to(PROTOS) for path in (PROTOS / PACKAGE).glob("*.proto"))
    with TemporaryDirectory() as folder:
        outputs = [
            f"--{kind}_out={folder}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")
        ]
        compiler = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}"]
        plugins = _plugins("mypy", "mypy_grpc")
        done = subprocess.run([*compiler, *plugins, *outputs, *map(str, sources)], check=False)
        if done.returncode:
            raise SystemExit(done.returncode)
        made = sorted(Path(folder, PACKAGE).iterdir())
        files = {path.name: _moved(path.read_text()) for path in made}
    return files | {"__init__.py": INIT}


def _plugins(*names: str) -> list[str]:
    folder = Path(sys.executable).parent
    return [f"--plugin=protoc-gen-{name}={folder / f'protoc-gen-{name}'}" for name in names]


def _moved(code: str) -> str:
    """Imports alone have a word of Python before the package; descriptors stay as they are."""
    for word in ("from ", "import "):
        code = code.replace(f"{word}{WRITTEN}", f"{word}{MEANT}")
    return code.replace(f" {WRITTEN}.", f" {MEANT}.").replace(f"[{WRITTEN}.", f"[{MEANT}.")


if __name__ == "__main__":
    sys.exit(main())
