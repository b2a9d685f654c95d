"""Write docs/reference/cli.md from the verbs and their options.

    python -m trainingrun_operator.cli.reference_page [--check]

With ``--check`` nothing is written; the exit code is 1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

from typer.main import get_command

from trainingrun_operator.cli.app import app

FILE: Final = Path("docs/reference/cli.md")
INTRODUCTION: Final = """# The command line

`trainingrun` and `kubectl trainingrun` are one program. Verbs about runs work the same on a
cluster and on this machine. Which one is meant:

1. with `--namespace`, `--context` or `--kubeconfig`, and always as `kubectl trainingrun`: the
   cluster;
2. with `--state`: this machine;
3. a local run of that name is there (for verbs without a name: any local run): this machine;
4. otherwise the cluster that kubectl would use, when one is configured.

Each answer says which it was. Exit codes: 0 done; 1 a run failed, or what was checked is wrong;
2 something that you can change, said in one sentence; 130 Ctrl-C. This page is generated
(`make generate`).
"""
_HIDDEN: Final = frozenset({"help", "install_completion", "show_completion"})


def page() -> str:
    """The whole page as Markdown."""
    root = get_command(app)
    verbs = list(_verbs(root, "trainingrun"))
    index = "".join(f"- [`{name}`](#{_anchor(name)}): {_first(verb)}\n" for name, verb in verbs)
    return f"{INTRODUCTION}\n{index}" + "".join(_section(name, verb) for name, verb in verbs)


def _verbs(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Every verb with the words that call it, those of a group after the others, by name."""
    inner: dict[str, Any] = group.commands
    for name, verb in sorted(inner.items(), key=lambda each: (hasattr(each[1], "commands"), each)):
        if hasattr(verb, "commands"):
            yield from _verbs(verb, f"{before} {name}")
        else:
            yield f"{before} {name}", verb


def _section(name: str, verb: Any) -> str:
    shown = [each for each in verb.params if each.name not in _HIDDEN]
    words = [_argument(each) for each in shown if each.param_type_name == "argument"]
    usage = " ".join([name, *words, *(["[OPTIONS]"] if len(shown) > len(words) else [])])
    rows = "".join(_row(each) for each in shown)
    table = f"\n| | Meaning |\n|---|---|\n{rows}" if rows else ""
    return f"\n## {name}\n\n    {usage}\n\n{_paragraphs(verb.help)}\n{table}{_examples(verb)}"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        title = f"`{_argument(parameter)}`"
    else:
        words = [*parameter.opts, *parameter.secondary_opts]
        value = "" if parameter.is_flag else f" {_value(parameter)}"
        title = f"`{', '.join(words)}{value}`"
    return f"| {title.replace('|', chr(92) + '|')} | {_meaning(parameter)} |\n"


def _meaning(parameter: Any) -> str:
    text = _one_line(parameter.help or "")
    default = parameter.default
    default = default.value if isinstance(default, Enum) else default
    if default in (None, False) or callable(default) or "Default" in text:
        return text or "Form of the output."
    return f"{text or 'Form of the output.'} Default: `{default}`."


def _argument(parameter: Any) -> str:
    name = parameter.metavar or str(parameter.name).upper()
    return str(name) if parameter.required else f"[{name}]"


def _examples(verb: Any) -> str:
    if not verb.epilog:
        return ""
    lines = verb.epilog.replace("Examples:", "").replace("Example:", "").split("\n\n")
    return "\n" + "".join(f"    {line.strip()}\n" for line in lines if line.strip())


def _value(parameter: Any) -> str:
    """What is written after an option: the words that may be, or what it is."""
    if parameter.metavar:
        return str(parameter.metavar)
    if isinstance(parameter.default, Enum):
        return "|".join(str(each.value) for each in type(parameter.default))
    return str(parameter.name).upper()


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
