"""Write docs/reference/cli.md from the verbs and their options.

    python -m tools.cli_page [--check]

With ``--check`` nothing is written; the exit code is 1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from trainingrun.commands.app import app
from trainingrun.commands.grammar import (
    default_of,
    examples_of,
    metavar_of,
    option_usage,
    shown_parameters,
    usage_of,
)
from typer.main import get_command

FILE: Final = Path("docs/reference/cli.md")
INTRODUCTION: Final = """# The command line

`trainingrun` and `kubectl trainingrun` are one program. Verbs about runs work the same on a
cluster and on this machine. Which one is meant:

1. with `--namespace`, `--context` or `--kubeconfig`, and always as `kubectl trainingrun`: the
   cluster;
2. with `--state`: this machine;
3. a local run of that name is there (for verbs without a name: any local run): this machine;
4. otherwise the cluster that kubectl would use, when one is configured.

Each answer says which it was.

Every verb that prints takes `-o table`, `wide`, `json` or `yaml`; a TrainingRun is written as a
cluster has it, all other documents have names in snake_case and times in ISO 8601. `-f` is always
a file. With `NO_COLOR` set, or `TERM=dumb`, nothing is styled.

| exit code | means |
|---|---|
| 0 | done |
| 1 | a run failed, or what was checked is wrong |
| 2 | something that you can change, said in one sentence; a wrong call, too |
| 124 | `--timeout` is over; what was asked for stands |
| 130 | Ctrl-C |

This page is generated (`make generate`).
"""


def page() -> str:
    """The whole page as Markdown."""
    root = get_command(app)
    verbs = list(_verbs(root, "trainingrun"))
    index = "".join(f"- [`{name}`](#{_anchor(name)}): {_first(verb)}\n" for name, verb in verbs)
    return f"{INTRODUCTION}\n{index}" + "".join(_section(name, verb) for name, verb in verbs)


def _verbs(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Every verb with the words that call it, those of a group after the others, by name."""
    inner: dict[str, Any] = group.commands
    shown = {name: each for name, each in inner.items() if not each.hidden}
    for name, verb in sorted(shown.items(), key=lambda each: (hasattr(each[1], "commands"), each)):
        if hasattr(verb, "commands"):
            yield from _verbs(verb, f"{before} {name}")
        else:
            yield f"{before} {name}", verb


def _section(name: str, verb: Any) -> str:
    rows = "".join(_row(each) for each in shown_parameters(verb))
    table = f"\n| | Meaning |\n|---|---|\n{rows}" if rows else ""
    examples = "".join(f"    {line}\n" for line in examples_of(verb))
    head = f"\n## {name}\n\n    {usage_of(verb, name)}\n\n{_paragraphs(verb.help)}\n"
    return f"{head}{table}\n{examples}"


def _row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    title = f"`{metavar_of(parameter) if is_argument else option_usage(parameter)}`"
    return f"| {title.replace('|', chr(92) + '|')} | {_meaning(parameter)} |\n"


def _meaning(parameter: Any) -> str:
    default = default_of(parameter)
    text = _one_line(parameter.help or "")
    return f"{text} Default: `{default}`." if default else text


def _paragraphs(text: str | None) -> str:
    parts = (text or "").split("\n\n")
    return "\n\n".join(_one_line(part) for part in parts if part.strip())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _first(verb: Any) -> str:
    return _paragraphs(verb.help).partition("\n\n")[0]


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def main() -> int:
    """Write or compare the page."""
    wanted = page()
    if "--check" not in sys.argv[1:]:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(wanted)
        print(FILE)
        return 0
    if FILE.is_file() and FILE.read_text() == wanted:
        return 0
    sys.stderr.write(f"{FILE} differs from the verbs: run `make generate`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
