"""What happens when creatures fight: a small model of one attacker and its blockers.

Border: no state of the game is changed, and abilities that trigger in combat are not simulated. The
engine's own combat is not run on a copy, because a game is a generator that cannot be copied, and
because this is asked some hundred times for one attack.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainingrun_daemon.ai.evaluation import worth
from trainingrun_daemon.rules.combat import can_block
from trainingrun_daemon.rules.enums import Keyword
from trainingrun_daemon.rules.model import Card


class Fighter:
    """A creature as far as a fight goes."""

    __slots__ = (
        "card",
        "has_deathtouch",
        "has_flying",
        "has_haste",
        "has_lifelink",
        "has_menace",
        "has_trample",
        "is_indestructible",
        "left",
        "power",
        "strikes_first",
        "strikes_twice",
        "worth",
    )

    def __init__(
        self,
        card: Card,
        *,
        power: int = 0,
        toughness: int = 0,
        keywords: frozenset[Keyword] = frozenset(),
    ) -> None:
        """Take a creature as it is, or as it would be with a boost."""
        has = card.keywords | keywords if keywords else card.keywords
        self.card = card
        self.power = max(card.power + power, 0)
        self.left = card.toughness + toughness - card.damage
        """Damage that kills it."""
        self.worth = worth(card)
        self.strikes_twice = Keyword.DOUBLE_STRIKE in has
        self.strikes_first = self.strikes_twice or Keyword.FIRST_STRIKE in has
        self.has_deathtouch = Keyword.DEATHTOUCH in has
        self.is_indestructible = Keyword.INDESTRUCTIBLE in has
        self.has_trample = Keyword.TRAMPLE in has
        self.has_menace = Keyword.MENACE in has
        self.has_lifelink = Keyword.LIFELINK in has
        self.has_flying = Keyword.FLYING in has
        self.has_haste = Keyword.HASTE in has

    @property
    def damage(self) -> int:
        """What it deals to a player when it is not blocked."""
        return 2 * self.power if self.strikes_twice else self.power


@dataclass(frozen=True, slots=True)
class CombatResult:
    """How a fight ends."""

    attacker_dies: bool
    dead: tuple[Fighter, ...]
    """The blockers that die."""
    through: int
    """Damage that tramples over the blockers."""


def simulate_combat(attacker: Fighter, blockers: Sequence[Fighter]) -> CombatResult:
    """Let an attacker fight its blockers."""
    has_early = attacker.strikes_first or any(each.strikes_first for each in blockers)
    wounds = [0] * len(blockers)
    fallen = [False] * len(blockers)
    is_down = False
    suffered = through = 0
    for is_early in (True, False) if has_early else (False,):
        was_down, standing = is_down, [at for at, dead in enumerate(fallen) if not dead]
        if not was_down and _strikes(attacker, is_early=is_early):
            through += _assign(attacker, blockers, standing, wounds=wounds, fallen=fallen)
        for at in standing:
            each = blockers[at]
            if each.power > 0 and _strikes(each, is_early=is_early) and not was_down:
                suffered += each.power
                is_down = is_down or each.has_deathtouch or suffered >= attacker.left
        is_down = is_down and not attacker.is_indestructible
    dead = tuple(each for each, is_dead in zip(blockers, fallen, strict=True) if is_dead)
    return CombatResult(is_down, dead, through)


def _strikes(fighter: Fighter, *, is_early: bool) -> bool:
    if is_early:
        return fighter.strikes_first
    return fighter.strikes_twice or not fighter.strikes_first


def _assign(
    attacker: Fighter,
    blockers: Sequence[Fighter],
    standing: list[int],
    *,
    wounds: list[int],
    fallen: list[bool],
) -> int:
    """Deal an attacker's damage as the engine does, weakest blocker first; gives what tramples."""
    left = attacker.power
    for at in sorted(standing, key=lambda at: blockers[at].left - wounds[at]):
        lethal = 1 if attacker.has_deathtouch else max(blockers[at].left - wounds[at], 0)
        dealt = min(left, lethal)
        wounds[at] += dealt
        left -= dealt
        if dealt >= lethal and dealt > 0 and not blockers[at].is_indestructible:
            fallen[at] = True
    return left if attacker.has_trample else 0


class Field:
    """Attackers and possible blockers of one combat, with every single fight between them."""

    __slots__ = ("attackers", "blockers", "duels")

    def __init__(self, attackers: Iterable[Card], blockers: Iterable[Card]) -> None:
        self.attackers = tuple(map(Fighter, attackers))
        self.blockers = tuple(map(Fighter, blockers))
        self.duels = {
            (at, by): simulate_combat(attacker, (blocker,))
            for at, attacker in enumerate(self.attackers)
            for by, blocker in enumerate(self.blockers)
            if can_block(blocker.card, attacker.card)
        }
        """Fights by (attacker, blocker), where that block is legal."""

    def fight(self, attacker: int, blockers: tuple[int, ...]) -> CombatResult:
        """Return how an attacker's fight against these blockers ends."""
        if len(blockers) == 1:
            return self.duels[attacker, blockers[0]]
        return simulate_combat(self.attackers[attacker], [self.blockers[by] for by in blockers])
