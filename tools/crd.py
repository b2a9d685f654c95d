"""Write what is generated from the declared resources: CRDs, the chart's copies and its rules about
rights, and the reference.

    python -m tools.crd [--check] [--into DIRECTORY]

With ``--check`` nothing is written; the exit code is 1 when a file differs from the models. The
paths are below the current directory, which is the repository's root when make calls.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml
from trainingrun_api import crd
from trainingrun_api.league import LEAGUE
from trainingrun_api.resource import Resource, ResourceDefinition
from trainingrun_api.tournament import TOURNAMENT
from trainingrun_reconciler.resources import RESOURCE_KINDS

from tools import events_page, metrics_page, rbac, roles_page
from tools import field_reference as reference

TEMPLATES: Final = "charts/trainingrun/templates"
REFERENCE_FILE: Final = "docs/reference/trainingrun.md"
METRICS_FILE: Final = "docs/reference/metrics.md"
EVENTS_FILE: Final = "docs/reference/events.md"
ROLES_FILE: Final = "docs/reference/roles.md"
NOTICE: Final = "Generated from the models by `make generate`: change api/ instead."


def files() -> Mapping[str, str]:
    """Each generated file's path below the root, and its text."""
    definitions = (each.definition for each in RESOURCE_KINDS)
    return {
        **{path: text for each in definitions for path, text in crd_files(each).items()},
        f"{TEMPLATES}/_rules.tpl": rbac.operator_template(),
        f"{TEMPLATES}/clusterroles-people.yaml": rbac.people_template(),
        REFERENCE_FILE: reference.page(),
        "docs/reference/league.md": reference.kind_page(LEAGUE),
        "docs/reference/tournament.md": reference.kind_page(TOURNAMENT),
        METRICS_FILE: metrics_page.page(),
        EVENTS_FILE: events_page.page(),
        ROLES_FILE: roles_page.page(),
    }


def crd_files(of: ResourceDefinition[Resource]) -> Mapping[str, str]:
    """The CRD of a kind, for kubectl and for the chart."""
    text = _yaml(crd.definition(of))
    return {
        f"crds/{of.group}_{of.plural}.yaml": f"# {NOTICE}\n{text}",
        f"{TEMPLATES}/crd-{of.plural}.yaml": _chart_copy(of, text),
    }


class _Plain(yaml.SafeDumper):
    """Writes a value that occurs twice twice, without YAML's anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        """Never refer to a value written before."""
        return True


def _yaml(value: object) -> str:
    return str(yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120))


def _chart_copy(of: ResourceDefinition[Resource], definition: str) -> str:
    """The CRD as a template: left out on demand, and kept when the chart is uninstalled."""
    name = f"  name: {of.name}\n"
    head, body = definition.split(name, 1)
    keep = (
        "  {{- if .Values.crds.keep }}\n"
        "  annotations:\n"
        "    helm.sh/resource-policy: keep\n"
        "  {{- end }}\n"
    )
    return (
        "{{- if .Values.crds.enabled }}\n"
        f"{{{{- /* {NOTICE} */}}}}\n{head}{name}{keep}{body}{{{{- end }}}}\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare the files."""
    parser = argparse.ArgumentParser(description="Write what is generated from the API models.")
    parser.add_argument("--check", action="store_true", help="only compare; 1 when a file differs")
    parser.add_argument("--into", type=Path, default=Path(), help="root of the paths (default: .)")
    options = parser.parse_args(arguments)
    wanted = files()
    if options.check:
        stale = [path for path, text in wanted.items() if _read(options.into / path) != text]
        for path in stale:
            print(f"{path} differs from the models: run `make generate`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in wanted.items():
        file = options.into / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        print(path)
    return 0


def _read(file: Path) -> str | None:
    return file.read_text() if file.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
