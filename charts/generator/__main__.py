"""Write what of the chart is generated: the dashboards, and the page of its values.

    python charts/generator [--check]

With ``--check`` nothing is written; the exit code is 1 when a file differs from what it is made of.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import dashboards
import values_page
from panels import Json

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "charts" / "trainingrun"


def files() -> Mapping[Path, str]:
    """Each generated file and its text."""
    boards = dashboards.pages()
    written = {CHART / f"dashboards/{name}.json": _json(board) for name, board in boards.items()}
    return {**written, ROOT / "docs/reference/chart.md": values_page.page(CHART)}


def _json(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write or compare the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare; 1 when a file differs")
    check = parser.parse_args().check
    for path, text in files().items():
        if path.is_file() and path.read_text() == text:
            continue
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} differs from what it is made of: run `make generate`", file=sys.stderr)
            return 1
        path.write_text(text)
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
