"""A user's changes laid over a pod template, as a strategic merge does it.

Maps are merged key by key; null means not given, as everywhere in a TrainingRun. Lists of things
that have names are merged by name, tolerations are added, and every other list is replaced.
Kubernetes' own merge needs the schema of each field; here it is the table below. Directives
(``$patch``) are not understood, so they are refused rather than written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_NAMES: Final = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Which key identifies the entries of a list."""
_ADDED: Final = "tolerations"


class MergeError(ValueError):
    """The changes do not fit; ``path`` is where, the message says why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def merged(base: Mapping[str, Any], over: Mapping[str, Any], *, path: str = "") -> dict[str, Any]:
    """``base`` with ``over`` laid over it; both stay as they are.

    Raises:
        MergeError: ``over`` has another form than what it is laid over, or holds a directive.
    """
    found = dict(base)
    for key, value in over.items():
        place = f"{path}.{key}" if path else key
        if key.startswith("$"):
            raise MergeError(place, "directives are not understood: write the value that you want")
        if value is not None:
            found[key] = _value(key, base.get(key), value, place)
    return found


def _value(key: str, base: Any, over: Any, path: str) -> Any:
    if isinstance(base, Mapping):
        if not isinstance(over, Mapping):
            raise MergeError(path, f"an object is needed here, not {over!r}")
        return merged(base, over, path=path)
    if isinstance(base, list) and not isinstance(over, list):
        raise MergeError(path, f"a list is needed here, not {over!r}")
    if isinstance(over, Mapping):
        return merged({}, over, path=path)
    if isinstance(over, list) and key in _NAMES:
        return _by_name(base or [], over, _NAMES[key], path)
    if isinstance(over, list) and key == _ADDED:
        return [*(base or []), *(each for each in over if each not in (base or []))]
    return over


def _by_name(
    base: Sequence[Any], over: Sequence[Any], name: str, path: str
) -> list[dict[str, Any]]:
    """Entries of the same name are merged where they stand, new ones come after them."""
    found = {entry[name]: entry for entry in base}
    for index, entry in enumerate(over):
        if not isinstance(entry, Mapping) or name not in entry:
            raise MergeError(f"{path}[{index}]", f"give its {name}, so that it can be identified")
        if not isinstance(entry[name], (str, int)):
            raise MergeError(
                f"{path}[{index}].{name}", f"must be text or a number, not {entry[name]!r}"
            )
        place = f"{path}[{name}={entry[name]}]"
        found[entry[name]] = merged(found.get(entry[name], {}), entry, path=place)
    return list(found.values())
