"""The chart's rules about rights, made from the declared kinds of resources.

The operator's own rights are what the declarations say that it does; people's are the usual ones
on the resources themselves. Objects for tests are made of the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from trainingrun_operator.kube.permissions import LEASE_PERMISSIONS, Permission, permissions
from trainingrun_reconciler.resources import RESOURCE_KINDS

NOTICE: Final = "Generated from the declared kinds of resources by `make generate`."
_NAMED: Final = '{{ include "trainingrun.fullname" . }}'
_OPERATOR: Final = f"""{{{{/* What the operator may do: exactly what it uses. {NOTICE} */}}}}
{{{{- define "trainingrun.rules" -}}}}
%s
{{{{- end -}}}}

{{{{/* The Lease by which one of several operators leads, in the operator's own namespace. */}}}}
{{{{- define "trainingrun.leaseRules" -}}}}
%s
{{{{- end -}}}}
"""
_PEOPLE: Final = """{{- if and .Values.rbac.create .Values.rbac.aggregate }}
{{- /* For people: added to the cluster's own roles view, edit and admin. They give nobody a right by
themselves. %(notice)s */}}
{{- $reading := list "get" "list" "watch" }}
{{- $writing := list "create" "update" "patch" "delete" "deletecollection" }}
{{- range $role, $verbs := dict "view" $reading "edit" (concat $reading $writing) "admin" (concat $reading $writing) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "trainingrun.fullname" $ }}-{{ $role }}
  labels:
    {{- include "trainingrun.labels" $ | nindent 4 }}
    rbac.authorization.k8s.io/aggregate-to-{{ $role }}: "true"
rules:
  - apiGroups: [%(group)s]
    resources: [%(resources)s]
    verbs: {{ toJson $verbs }}
  - apiGroups: [%(group)s]
    resources: [%(statuses)s]
    verbs: {{ toJson $reading }}
{{- end }}
{{- end }}
"""  # noqa: E501 (a line of the template)


def rules(granted: Iterable[Permission]) -> Iterator[dict[str, list[str]]]:
    """Rules as a role has them; neighbours with the same group and verbs are one rule."""
    for (group, verbs, named), those in groupby(granted, _key):
        rule = {"apiGroups": [group], "resources": [each.resource for each in those]}
        yield rule | ({"resourceNames": [_NAMED]} if named else {}) | {"verbs": [*verbs]}


def operator_template() -> str:
    """The named templates of the operator's rules."""
    return _OPERATOR % (_text(permissions()), _text(LEASE_PERMISSIONS))


def people_template() -> str:
    """The roles that are added to those of people."""
    plurals = [each.kind.plural for each in RESOURCE_KINDS]
    (group,) = {each.kind.group for each in RESOURCE_KINDS}
    return _PEOPLE % {
        "notice": NOTICE,
        "group": group,
        "resources": ", ".join(plurals),
        "statuses": ", ".join(f"{each}/status" for each in plurals),
    }


def _key(permission: Permission) -> tuple[str, tuple[str, ...], bool]:
    return permission.kind.group, permission.verbs, permission.named


def _text(granted: Iterable[Permission]) -> str:
    return "\n".join(_lines(rule) for rule in rules(granted))


def _lines(rule: dict[str, list[str]]) -> str:
    fields = (f"{name}: [{_items(items)}]" for name, items in rule.items())
    return "- " + "\n  ".join(fields)


def _items(items: Sequence[str]) -> str:
    return ", ".join(each or '""' for each in items)
