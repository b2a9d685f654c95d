"""The settings of a search: how many simulations, how it explores, what it learns from."""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

GUMBEL_BELOW: Final = 64
"""With fewer simulations than this, Gumbel search is the default: it improves the policy with any
number of them (Danihelka et al. 2022), visit counts of PUCT only with many."""


class Method(Enum):
    """How actions are chosen in the tree."""

    PUCT = "puct"
    """Priors and visit counts, with noise at the root (Silver et al. 2017)."""
    GUMBEL = "gumbel"
    """Sequential halving at the root, no noise below it (Danihelka et al. 2022)."""


class SearchSettings(Struct, frozen=True, kw_only=True):
    """How each move is searched.

    Attributes:
        simulations: visits of the root's actions for a move, those kept from the tree before
            included.
        method: None chooses by the number of simulations.
        leaves: positions of one game that are evaluated at once; above 1 with virtual loss.
        exploration: c_init of PUCT.
        exploration_base: c_base of PUCT.
        first_play_reduction: an action without visits is worth its parent's value less this times
            the root of the priors of the visited ones (0 at the root, where noise explores).
        noise_share: of the root's priors that are noise; 0 for play that counts.
        noise_total: sum of the Dirichlet distribution's parameters, shared by the legal actions.
        reuse_tree: whether the tree below a move is kept; of PUCT alone.
        solve: whether subtrees whose result is certain are no longer searched.
        considered: actions that Gumbel search begins with.
        visit_offset: c_visit of Gumbel search.
        visit_scale: c_scale of Gumbel search, for values scaled to [0, 1]. The paper has 1, for
            networks of Go and chess that are worth their word. With it a difference of a tenth in
            value is worth seven in the logits, so what an untrained network guesses makes targets
            of one move, and games that are all alike: Connect Four learned less from as many games
            (``benchmarks/RESULTS.md``). mctx has 0.1 of values stretched to their range.
        is_greedy: Gumbel search without its noise, for play that counts.
    """

    simulations: int = 50
    method: Method | None = None
    leaves: int = 1
    exploration: float = 1.25
    exploration_base: float = 19652.0
    first_play_reduction: float = 0.25
    noise_share: float = 0.25
    noise_total: float = 10.0
    reuse_tree: bool = True
    solve: bool = True
    considered: int = 16
    visit_offset: float = 50.0
    visit_scale: float = 0.2
    is_greedy: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError where a number is out of its range."""
        if not 1 <= self.simulations <= 100_000:
            raise ValueError(f"simulations is {self.simulations}: choose 1 to 100000")
        if not 1 <= self.leaves <= 64:
            raise ValueError(f"leaves is {self.leaves}: choose 1 to 64")
        if self.considered < 1:
            raise ValueError(f"considered is {self.considered}: choose 1 or more")
        if self.is_gumbel and self.leaves > 1:
            raise ValueError(
                f"leaves is {self.leaves} with Gumbel search, which takes one after the other:"
                " leave it at 1, or set method to puct"
            )
        if not 0 < self.visit_scale <= 100:
            raise ValueError(f"visit_scale is {self.visit_scale}: choose more than 0, up to 100")
        if not 0 <= self.noise_share <= 1:
            raise ValueError(f"noise_share is {self.noise_share}: choose 0 to 1")

    @property
    def is_gumbel(self) -> bool:
        """Whether the method is Gumbel search."""
        if self.method is None:
            return self.simulations < GUMBEL_BELOW and self.leaves == 1
        return self.method is Method.GUMBEL
