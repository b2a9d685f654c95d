"""Where the API server keeps the objects of a kind, by any of the names that kubectl knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from testkit.control_plane.api_connections import ApiConnections, Request
from testkit.servers.server_process import BedError

_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """The objects of one kind in one version."""

    group: str
    version: str
    plural: str
    kind: str
    is_namespaced: bool
    other_names: tuple[str, ...] = ()
    """Singular and short ones."""

    @property
    def api_version(self) -> str:
        """As objects say it: ``apps/v1``, ``v1``."""
        return "/".join(filter(None, (self.group, self.version)))

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called, the plural with its group included."""
        return (self.plural, f"{self.plural}.{self.group}", self.kind.lower(), *self.other_names)

    def path(self, namespace: str = "", name: str = "") -> str:
        """Path of all its objects (everywhere or in a namespace), or of one."""
        parts = ["apis" if self.group else "api", self.api_version]
        if self.is_namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/" + "/".join([*parts, self.plural, *filter(None, (name,))])


class Discovery:
    """What the API server serves, asked again when a name is not known: definitions come later."""

    def __init__(self, connections: ApiConnections) -> None:
        self._connections = connections
        self._by_name: dict[str, Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}

    def named(self, name: str) -> Resource:
        """The resource of a name: ``deployments``, ``deploy``, ``trainingruns.trainingrun.dev``.

        Raises:
            BedError: the server has none.
        """
        if name.lower() not in self._by_name:
            self.ask_again()
        try:
            return self._by_name[name.lower()]
        except KeyError:
            raise BedError(f"the API server serves nothing called {name!r}") from None

    def of(self, document: Mapping[str, Any]) -> Resource:
        """The resource that a document belongs to.

        Raises:
            BedError: the server does not serve its kind.
        """
        key = document["apiVersion"], document["kind"]
        if key not in self._by_kind:
            self.ask_again()
        try:
            return self._by_kind[key]
        except KeyError:
            raise BedError(f"the API server does not serve {key[1]} of {key[0]}") from None

    def ask_again(self) -> None:
        """Forget what was known, and ask."""
        self._by_name.clear()
        self._by_kind.clear()
        for each in (*self._served("/api"), *self._served("/apis")):
            self._by_kind.setdefault((each.api_version, each.kind), each)
            for name in each.names:
                self._by_name.setdefault(name, each)  # the server names what it prefers first

    def _served(self, path: str) -> Iterator[Resource]:
        found = self._connections.ask(Request("GET", path, accept=_AGGREGATED)).document
        for group in found["items"]:
            for version in group["versions"]:
                for each in version.get("resources", ()):
                    yield _resource(group["metadata"].get("name", ""), version["version"], each)


def _resource(group: str, version: str, told: Mapping[str, Any]) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=told["resource"],
        kind=told["responseKind"]["kind"],
        is_namespaced=told["scope"] == "Namespaced",
        other_names=(told.get("singularResource", ""), *told.get("shortNames", ())),
    )
