"""Draw what terminals show of runs: the tables of kubectl and of the command in ``docs/images``.

    python -m tools.terminal_pictures [--check]

``kubectl get`` is drawn from the columns of the CRD, the verbs by the code that prints them, both
of the same made-up runs (``sample_runs``): so a picture shows today's columns and words. With
``--check`` nothing is written; the exit code is 1 when a picture differs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.measure import Measurement
from trainingrun.commands.output import document_of, plain_table
from trainingrun.commands.runs.scaling import picture_of_scaling
from trainingrun.commands.runs.tables import picture_of_run, picture_of_runs
from trainingrun_api.run import DEFINITION, TrainingRun

from tools.sample_runs import events, sample_runs, standard_ppo

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/images"
_FONT_FACE: Final = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
"""Fonts from elsewhere: a picture fetches nothing, and the reader's own monospace font will do."""
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]|\[\?\(@\.name==\"(\w+)\"\)\]")
"""A step of a column's JSONPath: a field, an entry of a list, or the entry with a name."""
_PLACE: Final = [("place", "cluster, context trainingrun, namespace team")]
_PAGE_WIDTH: Final = 140
_WIDEST: Final = 1000


def pictures() -> Mapping[str, str]:
    """Return each picture by its name."""
    runs, one = sample_runs(), standard_ppo()
    top = picture_of_runs(runs, wide=False, with_namespace=False)
    status = picture_of_run(_PLACE, one, events())
    scaling = picture_of_scaling(_PLACE, one, events())
    return {
        "kubectl-get": _drawn("kubectl get trainingruns", kubectl_table(runs)),
        "kubectl-get-wide": _drawn(
            "kubectl get trainingruns -o wide", kubectl_table(runs, is_wide=True)
        ),
        "trainingrun-top": _drawn("trainingrun top", top, width=_PAGE_WIDTH),
        "trainingrun-status": _drawn("trainingrun status standard-ppo", status, width=_PAGE_WIDTH),
        "trainingrun-describe-scaling": _drawn(
            "trainingrun describe scaling standard-ppo", scaling, width=_PAGE_WIDTH
        ),
    }


def kubectl_table(runs: Iterable[TrainingRun], *, is_wide: bool = False) -> RenderableType:
    """Return the runs as kubectl prints them: the name, then a column for each of the CRD's."""
    columns = [each for each in DEFINITION.columns if is_wide or not each.wide]
    table = plain_table("name", *(each.name for each in columns))
    for run in runs:
        document = document_of(run)
        cells = (_cell(document, each.type, each.path) for each in columns)
        table.add_row(run.metadata.name, *cells)
    return table


def _cell(document: Mapping[str, Any], kind: str, path: str) -> str:
    """Return a field as the API server's table has it; what is missing is blank."""
    value: Any = document
    for field, index, entry in _STEP.findall(path):
        try:
            if entry:
                value = next(each for each in value if each["name"] == entry)
            else:
                value = value[field] if field else value[int(index)]
        except (KeyError, IndexError, StopIteration):
            return ""
    return _age(value) if kind == "date" else f"{value:g}" if kind == "number" else str(value)


def _age(moment: str) -> str:
    """Return how long ago, as kubectl spells hours and minutes."""
    minutes = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()) // 60
    if minutes < 3 * 60:
        return f"{minutes}m"
    return f"{minutes // 60}h{minutes % 60}m" if minutes < 8 * 60 else f"{minutes // 60}h"


def _drawn(command: str, shown: RenderableType, *, width: int | None = None) -> str:
    """Return a picture of a terminal as wide as the table, whatever terminal this is drawn in."""
    widest = Measurement.get(Console(width=_WIDEST), Console(width=_WIDEST).options, shown).maximum
    console = Console(
        width=width or widest,
        record=True,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        _environ={},
    )
    console.print(shown)
    return _FONT_FACE.sub("", console.export_svg(title=command))


def main() -> int:
    """Write or compare the pictures."""
    stale = []
    for name, wanted in pictures().items():
        file = FOLDER / f"{name}.svg"
        if "--check" not in sys.argv[1:]:
            file.write_text(wanted, "utf-8")
        elif not file.is_file() or file.read_text("utf-8") != wanted:
            stale.append(file.name)
    for name in stale:
        sys.stderr.write(f"docs/images/{name} differs from what is printed: run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
