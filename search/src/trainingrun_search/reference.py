"""The search of one game in plain Python, slow and obvious: what the compiled one is held against.

Nodes are objects that know their games; nothing is shared with ``growth``, ``lockstep`` and
``roots`` but the settings, the evaluator and the schedule of sequential halving. Given the same
seeds both do the same arithmetic, so that visits and values are equal to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from trainingrun_environments.games import Game, Games

from trainingrun_search.evaluators import Evaluator, Request
from trainingrun_search.positions import PythonPositions, outcome_of, vocabulary_size
from trainingrun_search.schedule import visits_schedule
from trainingrun_search.settings import SearchSettings

_WIN: Final = 1.0 - 1e-9


@dataclass(eq=False)
class Edge:
    """An action of a node; values are for the node's player."""

    action: int
    prior: float
    visits: int = 0
    pending: int = 0
    value: float = 0.0
    exact: float | None = None
    gumbel: float = 0.0
    child: Node | None = None

    @property
    def mean(self) -> float:
        """The certain value, else the mean over visits."""
        return self.exact if self.exact is not None else self.value / self.visits


@dataclass(eq=False)
class Node:
    """A position; values are for its player, ``exact`` is player 0's."""

    game: Game
    parent: Node | None = None
    parent_edge: Edge | None = None
    edges: list[Edge] = field(default_factory=list)
    is_expanded: bool = False
    visits: int = 0
    pending: int = 0
    value: float = 0.0
    raw: float = 0.0
    visited_prior: float = 0.0
    exact: float | None = None

    @property
    def player(self) -> int:
        """Who moves; 0 where the game is over, whose own sums are not read."""
        return 0 if self.game.is_terminal else self.game.current_player

    def signed(self, value: float) -> float:
        """Return player 0's value for this node's player."""
        return value if self.player == 0 else -value


class Reference:
    """Searches one game, move by move."""

    def __init__(self, games: Games, evaluator: Evaluator, settings: SearchSettings) -> None:
        self._actions = vocabulary_size(games.spec)
        self._bound = games.spec.reward_bound
        self._positions = PythonPositions(games, 1)
        self._evaluator = evaluator
        self._settings = settings
        self._random = np.random.default_rng(0)
        self.root = Node(games.new(0))
        self._remaining = 0
        self._made = 0

    def place(self, game: Game, random: np.random.Generator) -> None:
        """Begin to search a game."""
        self.root = Node(game.clone())
        self._random = random
        self._begin_move(0)

    def run(self) -> None:
        """Search the move to its end."""
        if not self.root.is_expanded:
            self._attach([self.root])
            self._prepare()
        while self._remaining > 0:
            leaves: list[Node] = []
            while len(leaves) < self._settings.leaves:
                leaf = self._find_leaf()
                if leaf is None:
                    break
                leaves.append(leaf)
            self._attach(leaves)

    def policy(self) -> list[float]:
        """Return the policy to learn."""
        edges = self.root.edges
        if self._settings.is_gumbel:
            weights = self._improved(self.root)
        else:
            weights = [float(edge.visits) for edge in edges]
        if self.root.exact is not None:
            value = self.root.signed(self.root.exact)
            kept = [edge.exact is not None and edge.exact >= value - 1e-9 for edge in edges]
        else:
            kept = [edge.exact is None or edge.exact > -_WIN for edge in edges]
        if not any(kept):
            kept = [True] * len(edges)
        whole = math.fsum(weight for weight, keep in zip(weights, kept, strict=True) if keep)
        if whole <= 0:
            return [keep / sum(kept) for keep in kept]
        return [weight / whole if keep else 0.0 for weight, keep in zip(weights, kept, strict=True)]

    def best(self) -> int:
        """Return the place of the action that the search prefers."""
        if self._settings.is_gumbel and self.root.exact is None:
            wanted = max(edge.visits for edge in self.root.edges)
            return self.root.edges.index(self._halving(wanted))
        policy = self.policy()
        return policy.index(max(policy))

    def play(self, place: int) -> bool:
        """Play the action at a place; returns whether there is a tree below it."""
        child = self.root.edges[place].child
        if child is None or not child.edges:
            return False
        settings = self._settings
        if settings.is_gumbel or not settings.reuse_tree:
            self.root = Node(child.game)
            self._begin_move(0)
            return True
        child.parent = child.parent_edge = None
        self.root = child
        self._begin_move(child.visits - 1)
        self._prepare()
        return True

    def _begin_move(self, visits: int) -> None:
        self._remaining = max(self._settings.simulations - visits, 0)
        self._made = 0

    def _prepare(self) -> None:
        root, settings = self.root, self._settings
        count = len(root.edges)
        if root.exact is not None:
            self._remaining = 0
        if settings.is_gumbel:
            noise = np.zeros(count) if settings.is_greedy else self._random.gumbel(size=count)
            for edge, each in zip(root.edges, noise.tolist(), strict=True):
                edge.gumbel = each + float(np.log(max(edge.prior, np.finfo(np.float64).tiny)))
        elif settings.noise_share > 0:
            share = settings.noise_share
            noise = self._random.dirichlet(np.full(count, settings.noise_total / count))
            for edge, each in zip(root.edges, noise.tolist(), strict=True):
                edge.prior = (1.0 - share) * edge.prior + share * each

    def _find_leaf(self) -> Node | None:
        while self._remaining > self.root.pending:
            node = self.root
            while True:
                edge = self._choose(node)
                node.pending += 1
                edge.pending += 1
                if edge.child is None:
                    game = node.game.clone()
                    game.apply(edge.action)
                    edge.child = Node(game, node, edge)
                    return edge.child
                if not edge.child.is_expanded:
                    self._withdraw(edge.child)
                    return None
                node = edge.child
                if node.exact is not None:
                    self._record(node, node.exact)
                    break
        return None

    def _choose(self, node: Node) -> Edge:
        if not self._settings.is_gumbel:
            return self._puct(node)
        if node is self.root:
            considered = min(self._settings.considered, len(node.edges))
            schedule = visits_schedule(considered, self._settings.simulations)
            return self._halving(int(schedule[self._made]))
        policy = self._improved(node)
        total = node.visits
        found = [(e, p - e.visits / total) for e, p in zip(node.edges, policy, strict=True)]
        return _first_best([(e, s) for e, s in found if e.exact is None or e.exact > -_WIN])

    def _puct(self, node: Node) -> Edge:
        settings = self._settings
        total = float(node.visits + node.pending)
        unvisited = node.value / node.visits
        if node is not self.root:
            unvisited -= settings.first_play_reduction * math.sqrt(node.visited_prior)
        growth = math.log((1.0 + total + settings.exploration_base) / settings.exploration_base)
        rate = (growth + settings.exploration) * math.sqrt(total)
        scores = []
        for edge in node.edges:
            visits = edge.visits + edge.pending
            if edge.exact is not None:
                if edge.exact <= -_WIN:
                    continue
                mean = edge.exact
            elif visits == 0:
                mean = unvisited
            else:
                mean = (edge.value - edge.pending) / visits
            scores.append((edge, mean + rate * edge.prior / (1 + visits)))
        return _first_best(scores)

    def _halving(self, wanted: int) -> Edge:
        most = max(edge.visits for edge in self.root.edges)
        scale = (self._settings.visit_offset + most) * self._settings.visit_scale * 0.5
        return _first_best(
            [
                (edge, edge.gumbel + scale * edge.mean if wanted else edge.gumbel)
                for edge in self.root.edges
                if edge.visits == wanted
            ]
        )

    def _improved(self, node: Node) -> list[float]:
        total = sum(edge.visits for edge in node.edges)
        most = max(edge.visits for edge in node.edges)
        seen, seen_value = 0.0, 0.0
        for edge in node.edges:
            if edge.visits:
                seen += edge.prior
                seen_value += edge.prior * edge.mean
        mixed = node.raw
        if total and seen > 0:
            mixed = (mixed + total * (seen_value / seen)) / (1.0 + total)
        scale = (self._settings.visit_offset + most) * self._settings.visit_scale * 0.5
        scaled = [
            scale * (edge.mean if edge.visits or edge.exact is not None else mixed)
            for edge in node.edges
        ]
        largest = max(scaled)
        weights = [e.prior * math.exp(s - largest) for e, s in zip(node.edges, scaled, strict=True)]
        whole = 0.0
        for weight in weights:
            whole += weight
        return [weight / whole if whole > 0 else 1.0 / len(weights) for weight in weights]

    def _attach(self, leaves: list[Node]) -> None:
        running = [leaf for leaf in leaves if not leaf.game.is_terminal]
        answers = iter(self._evaluate(running)) if running else iter(())
        for leaf in leaves:
            leaf.is_expanded = True
            if leaf.game.is_terminal:
                leaf.exact = outcome_of(leaf.game, self._bound)
                self._record(leaf, leaf.exact)
                if self._settings.solve:
                    self._prove(leaf)
                continue
            priors, value = next(answers)
            legal = list(leaf.game.legal_actions())
            whole = 0.0
            for action in legal:
                whole += priors[action]
            leaf.edges = [
                Edge(action, priors[action] / whole if whole > 0 else 1.0 / len(legal))
                for action in legal
            ]
            leaf.raw = value
            self._record(leaf, leaf.signed(value))

    def _evaluate(self, nodes: list[Node]) -> list[tuple[list[float], float]]:
        legal = np.zeros((len(nodes), self._actions), np.bool_)
        for row, node in enumerate(nodes):
            legal[row, list(node.game.legal_actions())] = True
        seen = np.stack([node.game.observation(node.player) for node in nodes])
        places = np.arange(len(nodes), dtype=np.int32)
        answer = self._evaluator.evaluate(Request(seen, legal, places, self._positions))
        return list(zip(answer.priors.tolist(), answer.values.tolist(), strict=True))

    def _record(self, node: Node, value: float) -> None:
        node.visits += 1
        node.value += node.signed(value)
        if node.parent is None:
            return
        at: Node = node
        while at.parent is not None:
            parent, edge = at.parent, at.parent_edge
            assert edge is not None
            if edge.visits == 0:
                parent.visited_prior += edge.prior
            edge.visits += 1
            edge.pending -= 1
            edge.value += parent.signed(value)
            parent.visits += 1
            parent.pending -= 1
            parent.value += parent.signed(value)
            at = parent
        self._remaining -= 1
        self._made += 1

    def _withdraw(self, node: Node) -> None:
        while node.parent is not None and node.parent_edge is not None:
            node.parent_edge.pending -= 1
            node.parent.pending -= 1
            node = node.parent

    def _prove(self, node: Node) -> None:
        while node.parent is not None and node.parent_edge is not None:
            assert node.exact is not None
            parent = node.parent
            node.parent_edge.exact = parent.signed(node.exact)
            if parent.exact is not None:
                return
            known = [edge.exact for edge in parent.edges if edge.exact is not None]
            if max(known) < _WIN and len(known) < len(parent.edges):
                return
            parent.exact = parent.signed(max(known))
            node = parent
        self._remaining = 0


def _first_best(scores: list[tuple[Edge, float]]) -> Edge:
    best, best_score = scores[0]
    for edge, score in scores[1:]:
        if score > best_score:
            best, best_score = edge, score
    return best
