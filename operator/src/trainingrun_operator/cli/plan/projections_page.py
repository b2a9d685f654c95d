"""Write docs/reference/projections.md: the documents' rows beside ours.

    python -m trainingrun_operator.cli.plan.projections_page [--check]

With ``--check`` nothing is written; the exit code is 1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from trainingrun_operator.cli.plan.projections import claims, deviation, grouped, number, sums
from trainingrun_operator.planning.projections.claims import Claim, Verdict

FILE: Final = Path("docs/reference/projections.md")
INTRODUCTION: Final = """# The documents' projections, row by row

The documents that this project follows project speeds, days and costs. Each figure of their tables
stands here as it is said, beside what `trainingrun plan` reckons from the same document's
assumptions. *Reproduced* is within 5 %. A row that *contradicts* another names it. *Price moved*:
the price list that comes with the operator says otherwise. *Open*: the document does not say
enough. `trainingrun plan --projections` prints the same. This page is generated (`make generate`).
"""


def page() -> str:
    """The whole page as Markdown."""
    found = claims()
    return "".join([INTRODUCTION, f"\n{sums(found)}.\n", *_sections(found)])


def _sections(found: Sequence[Claim]) -> Iterator[str]:
    document = ""
    for (name, table), rows in grouped(found):
        if name != document:
            yield f"\n## {name}\n"
            document = name
        yield f"\n### {table}\n\n| row | figure | document | ours | deviation | verdict | |\n"
        yield "|---|---|---|---|---|---|---|\n"
        for each in rows:
            cells = (
                each.row, each.quantity, number(each.said), number(each.ours), deviation(each),
                _verdict(each), each.why,
            )  # fmt: skip
            yield f"| {' | '.join(cells)} |\n"


def _verdict(claim: Claim) -> str:
    verdict = claim.verdict
    return verdict.value if verdict is Verdict.REPRODUCED else f"**{verdict.value}**"


def main() -> int:
    """Write or compare the page."""
    wanted = page()
    if "--check" not in sys.argv[1:]:
        FILE.write_text(wanted)
        print(FILE)
        return 0
    if FILE.is_file() and FILE.read_text() == wanted:
        return 0
    sys.stderr.write(f"{FILE} differs from the rows: run `make generate`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
