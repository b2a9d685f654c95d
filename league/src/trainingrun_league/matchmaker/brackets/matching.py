"""A perfect matching of a graph that is kept while vertices are taken away (Edmonds 1965).

Blossoms are contracted by their base, as in Gabow (1976): O(V^3) in all. A general graph is
needed: who may meet whom in a Swiss round is not bipartite. Refused: trying pairs and going back,
which takes exponential time in late rounds, and a library, of which this would be the one use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

FREE: Final = -1


class Matching:
    """A matching of vertices ``0 … n - 1``; edges are ``allowed[one][other]``, symmetric.

    Invariant: ``mate`` matches vertices that are not removed, along allowed edges.
    """

    def __init__(self, allowed: Sequence[Sequence[bool]]) -> None:
        self.mate = [FREE] * len(allowed)
        self._near = [
            [other for other, is_allowed in enumerate(row) if is_allowed and other != one]
            for one, row in enumerate(allowed)
        ]
        self._gone = [False] * len(allowed)

    def complete(self) -> bool:
        """Match as many as can be matched; return whether that is all that are left."""
        for vertex in range(len(self.mate)):
            if self.mate[vertex] == FREE and not self._gone[vertex]:
                self._augment(vertex)
        return all(gone or mate != FREE for gone, mate in zip(self._gone, self.mate, strict=True))

    def take(self, one: int, other: int) -> bool:
        """Take two away as a pair, if the rest can still be matched; change nothing otherwise."""
        mates, gone = [*self.mate], [*self._gone]
        for vertex in (one, other):
            mate = self.mate[vertex]
            if mate != FREE:
                self.mate[mate] = FREE
            self.mate[vertex], self._gone[vertex] = FREE, True
        if self.complete():
            return True
        self.mate, self._gone = mates, gone
        return False

    def _augment(self, root: int) -> None:
        """Search a path from a free vertex to another one, and flip the edges on it."""
        search = _Search(self._near, self.mate, self._gone, root)
        end = search.free_vertex()
        while end != FREE:
            before = search.parent[end]
            following = self.mate[before]
            self.mate[end], self.mate[before] = before, end
            end = following


class _Search:
    """One breadth-first search of alternating paths from a root."""

    def __init__(self, near: list[list[int]], mate: list[int], gone: list[bool], root: int) -> None:
        count = len(mate)
        self._near, self._mate, self._gone, self._root = near, mate, gone, root
        self.parent = [FREE] * count
        self._base = list(range(count))
        self._even = [False] * count
        self._even[root] = True
        self._queue = deque([root])

    def free_vertex(self) -> int:
        """Return the end of a path, ``FREE`` where there is none."""
        while self._queue:
            vertex = self._queue.popleft()
            for other in self._near[vertex]:
                if self._gone[other] or self._is_inside(vertex, other):
                    continue
                if other == self._root or self._is_odd_mate(other):
                    self._contract(vertex, other)
                elif self.parent[other] == FREE:
                    self.parent[other] = vertex
                    if self._mate[other] == FREE:
                        return other
                    self._reach(self._mate[other])
        return FREE

    def _is_inside(self, vertex: int, other: int) -> bool:
        return self._base[vertex] == self._base[other] or self._mate[vertex] == other

    def _is_odd_mate(self, other: int) -> bool:
        return self._mate[other] != FREE and self.parent[self._mate[other]] != FREE

    def _reach(self, vertex: int) -> None:
        if not self._even[vertex]:
            self._even[vertex] = True
            self._queue.append(vertex)

    def _contract(self, one: int, other: int) -> None:
        """Make the odd circle through two even vertices one vertex, its base."""
        base = self._common_base(one, other)
        inside = [False] * len(self._mate)
        self._mark(inside, one, base, other)
        self._mark(inside, other, base, one)
        for vertex, vertex_base in enumerate(self._base):
            if inside[vertex_base]:
                self._base[vertex] = base
                self._reach(vertex)

    def _mark(self, inside: list[bool], vertex: int, base: int, child: int) -> None:
        while self._base[vertex] != base:
            mate = self._mate[vertex]
            inside[self._base[vertex]] = inside[self._base[mate]] = True
            self.parent[vertex] = child
            child, vertex = mate, self.parent[mate]

    def _common_base(self, one: int, other: int) -> int:
        passed = set()
        while True:
            one = self._base[one]
            passed.add(one)
            if self._mate[one] == FREE:
                break
            one = self.parent[self._mate[one]]
        other = self._base[other]
        while other not in passed:
            other = self._base[self.parent[self._mate[other]]]
        return other
