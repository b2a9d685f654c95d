"""The searches of many games in lock step: one request holds the leaves of all of them.

Every game has a slot. ``place`` puts a game into it, ``round`` takes all searches one step further,
``done`` names the slots whose search has made all its simulations, ``root`` says what it found,
``play`` takes the next move and keeps the tree below it. What a slot finds does not depend on the
other slots, where the evaluator's answers do not.
"""

from __future__ import annotations

import numpy as np
from trainingrun_environments.games import Game, Games

from trainingrun_search import growth
from trainingrun_search.evaluators import Evaluator, Request, check
from trainingrun_search.positions import Observations, vocabulary_size
from trainingrun_search.roots import Root, read_root
from trainingrun_search.rules import most_legal_of, positions_of
from trainingrun_search.schedule import visits_schedule
from trainingrun_search.settings import SearchSettings
from trainingrun_search.tree import EXPANDED, NO_NODE, Exploration, Int32, new_leaves, new_tree

_SPARE_NODES = 2
"""A root, and the node of a search that ends with what its last leaf proved."""


class Lockstep:
    """Searches of ``slots`` games of one environment."""

    def __init__(
        self,
        games: Games,
        evaluator: Evaluator,
        settings: SearchSettings,
        *,
        slots: int,
        compiled_rules: bool = True,
    ) -> None:
        """Make room; raises ValueError where such games cannot be searched."""
        self.settings = settings
        self._evaluator = evaluator
        self._nodes = settings.simulations + settings.leaves + _SPARE_NODES
        actions = vocabulary_size(games.spec)
        most_legal = most_legal_of(games, compiled=compiled_rules)
        self._edges = self._nodes * most_legal
        self._tree = new_tree(
            slots=slots,
            nodes=self._nodes,
            most_legal=most_legal,
            simulations=settings.simulations,
        )
        self._positions = positions_of(games, len(self._tree.nodes), compiled=compiled_rules)
        most = slots * settings.leaves
        self._leaves = new_leaves(most=most, most_legal=most_legal)
        self._observations = np.zeros((most, *games.spec.observation), self._positions.dtype)
        self._legal = np.zeros((most, actions), np.bool_)
        self._explore = _exploration(settings)
        self._halves = np.array([self._nodes, self._edges], np.int32)
        self._sources = np.zeros(self._nodes, np.int32)
        self._targets = np.zeros(self._nodes, np.int32)
        self._unprepared: set[int] = set()
        self._randoms: list[np.random.Generator | None] = [None] * slots
        self.generations: list[int] = [-1] * slots
        """Of each slot's tree, the oldest generation whose answers are in it; -1 for none."""
        self.evaluated = 0
        """Positions that the evaluator was asked for."""

    @property
    def simulated(self) -> int:
        """Simulations that were made, over all slots and moves."""
        return int(self._tree.slots["total"].sum())

    def use(self, evaluator: Evaluator) -> None:
        """Ask another evaluator from the next round on; trees keep what the one before said."""
        self._evaluator = evaluator

    def place(self, slot: int, game: Game, random: np.random.Generator) -> None:
        """Begin to search a game that is not over, with the chance that its roots draw from."""
        if game.is_terminal:
            raise ValueError("the game is over: there is nothing to search")
        root = growth.start_slot(self._tree, slot, self._nodes, self._edges)
        self._positions.place(root, game)
        self._randoms[slot] = random
        self.generations[slot] = -1
        self._begin_move(slot)

    def clear(self, slot: int) -> None:
        """Leave a slot without a game."""
        self._randoms[slot] = None
        self._tree.slots[slot]["remaining"] = 0
        self._unprepared.discard(slot)

    def round(self) -> None:
        """Take every search to its next leaf, evaluate the leaves, and carry what they say up."""
        tree, leaves = self._tree, self._leaves
        count = growth.descend(tree, self._explore, leaves, self.settings.leaves)
        rows = self._positions.expand(leaves, count, self._observations, self._legal)
        if count:
            is_row = leaves.items[:count]["row"] >= 0
            request = Request(
                self._observations[:rows],
                self._legal[:rows],
                leaves.items[:count]["node"][is_row],
                self._positions,
            )
            self._attach(count, request, leaves.items[:count]["slot"][is_row])

    def done(self) -> list[int]:
        """Return the slots whose move can be chosen."""
        found = np.flatnonzero(self._tree.slots["remaining"] <= 0).tolist()
        return [
            slot
            for slot in found
            if self._randoms[slot] is not None and slot not in self._unprepared
        ]

    def root(self, slot: int) -> Root:
        """Return what the search of a slot has found so far."""
        return read_root(self._tree, self._explore, slot)

    def observation(self, slot: int) -> Observations:
        """Return what the player to move sees at a slot's root."""
        return self._positions.observe(int(self._tree.slots[slot]["root"]))

    def simulations(self, slot: int) -> int:
        """Return the simulations that were made for a slot's move, kept ones not included."""
        return int(self._tree.slots[slot]["simulations"])

    def play(self, slot: int, action: int) -> bool:
        """Play an action of a slot's root; returns whether the search continues from there, and
        False where the game is over or the action was never visited: place the game again.
        """
        tree = self._tree
        root = int(tree.slots[slot]["root"])
        first = int(tree.nodes[root]["first_edge"])
        actions = tree.edges["action"][first : first + int(tree.nodes[root]["edge_count"])]
        edge = first + int(np.flatnonzero(actions == action)[0])
        child = int(tree.edges[edge]["child"])
        if child == NO_NODE or not tree.nodes[child]["edge_count"]:
            return False
        if self.settings.reuse_tree and not self.settings.is_gumbel:
            self._keep(slot, edge)
        else:
            self._forget(slot, child)
        self._begin_move(slot)
        return True

    def _keep(self, slot: int, edge: int) -> None:
        """Make the node below an edge the root, with all that is below it."""
        copied = growth.keep_subtree(
            self._tree, slot, edge, self._halves, self._sources, self._targets
        )
        self._positions.move(self._sources[:copied], self._targets[:copied])

    def _forget(self, slot: int, child: int) -> None:
        """Begin a new tree at the position of a node."""
        root = growth.start_slot(self._tree, slot, self._nodes, self._edges)
        self._positions.move(np.array([child], np.int32), np.array([root], np.int32))
        self.generations[slot] = -1

    def _begin_move(self, slot: int) -> None:
        root = int(self._tree.slots[slot]["root"])
        kept = max(int(self._tree.nodes[root]["visits"]) - 1, 0)
        self._tree.slots[slot]["simulations"] = 0
        self._tree.slots[slot]["remaining"] = max(self.settings.simulations - kept, 0)
        self._unprepared.add(slot)
        if self._is_expanded(slot):
            self._prepare(slot)

    def _prepare(self, slot: int) -> None:
        """Give a root that has its actions what it draws by chance."""
        tree, settings, random = self._tree, self.settings, self._randoms[slot]
        assert random is not None
        self._unprepared.discard(slot)
        root = int(tree.slots[slot]["root"])
        first, count = int(tree.nodes[root]["first_edge"]), int(tree.nodes[root]["edge_count"])
        edges = slice(first, first + count)
        if not np.isnan(tree.nodes[root]["exact"]):
            tree.slots[slot]["remaining"] = 0
        if settings.is_gumbel:
            noise = np.zeros(count) if settings.is_greedy else random.gumbel(size=count)
            logits = np.log(np.maximum(tree.edges[edges]["prior"], np.finfo(np.float64).tiny))
            tree.edges[edges]["gumbel"] = noise + logits
            schedule = visits_schedule(min(settings.considered, count), settings.simulations)
            tree.schedule[slot] = schedule
        elif settings.noise_share > 0:
            noise = random.dirichlet(np.full(count, settings.noise_total / count))
            share = settings.noise_share
            tree.edges[edges]["prior"] = (1.0 - share) * tree.edges[edges]["prior"] + share * noise

    def _attach(self, count: int, request: Request, slots: Int32) -> None:
        """Ask for what the request holds, if anything, and make nodes of the round's leaves."""
        if len(request.legal):
            answer = self._evaluator.evaluate(request)
            check(answer, request)
            self.evaluated += len(request.legal)
            priors, values = answer.priors, answer.values
            for slot in slots.tolist():
                oldest = self.generations[slot]
                if oldest == -1 or answer.generation < oldest:
                    self.generations[slot] = answer.generation
        else:
            priors = np.zeros((0, request.legal.shape[1]), np.float32)
            values = np.zeros(0, np.float32)
        growth.attach(self._tree, self._explore, self._leaves, count, priors, values)
        for slot in [each for each in self._unprepared if self._is_expanded(each)]:
            self._prepare(slot)

    def _is_expanded(self, slot: int) -> bool:
        return bool(self._tree.nodes[self._tree.slots[slot]["root"]]["stage"] == EXPANDED)


def _exploration(settings: SearchSettings) -> Exploration:
    return Exploration(
        initial=settings.exploration,
        base=settings.exploration_base,
        reduction=settings.first_play_reduction,
        visit_offset=settings.visit_offset,
        visit_scale=settings.visit_scale,
        is_gumbel=settings.is_gumbel,
        solve=settings.solve,
    )
