"""The rules between fields, each written once: a Python check, the same check in CEL, one message.

Pydantic runs the check, the API server runs the CEL, and both print the same sentence, because the
sentence is a template whose ``{placeholders}`` become values in Python and a ``messageExpression``
in CEL. A rule about one field alone belongs in the field's own bounds instead, unless the bound
could only say "does not match a pattern".

Models take their rules from here and not the other way round, so this module knows fields by name
only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from pydantic.alias_generators import to_camel

from trainingrun_api.quantities import bytes_of

PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
NAME_FORM: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
NAME_LIMIT: Final = 40
REDIS_FORM: Final = r"^rediss?://[^\s]+$"
GPU: Final = "nvidia.com/gpu"
"""The resource that is one GPU."""
MEMORY: Final = "memory"


@dataclass(frozen=True)
class Value:
    """What a placeholder of a message stands for, in Python and in CEL.

    ``verb`` is CEL's ``%d`` for whole numbers and ``%s`` for text. ``string(number)`` would be
    refused: the API server cannot bound its cost.
    """

    name: str
    of: Callable[[Any], object]
    cel: str
    verb: str = "%d"


@dataclass(frozen=True)
class Rule:
    """One rule of one object.

    ``field`` is the field that an error is shown at, in YAML spelling, or empty for the object as a
    whole. ``template`` is the message; each of its placeholders has one of ``values``.
    """

    name: str
    field: str
    cel: str
    holds: Callable[[Any], bool]
    template: str
    values: tuple[Value, ...] = ()

    @property
    def location(self) -> tuple[str, ...]:
        """The field as a path below the object; empty for the object as a whole."""
        return tuple(self.field.split(".")) if self.field else ()

    def message_for(self, broken: Any) -> str:
        """The sentence for an object that breaks the rule."""
        return self.template.format(**{value.name: value.of(broken) for value in self.values})

    @property
    def message_expression(self) -> str | None:
        """The same sentence as a CEL expression; None when the template has no placeholder."""
        if not self.values:
            return None
        named = {value.name: value for value in self.values}
        order = [named[name] for name in PLACEHOLDER.findall(self.template)]
        text = PLACEHOLDER.sub(lambda found: named[found[1]].verb, self.template.replace("%", "%%"))
        return f"{cel_text(text)}.format([{', '.join(value.cel for value in order)}])"


FILLED: Final = frozenset({"checkpoint", "learner"})
"""Sections of the spec with a default of their own, so that they are always there."""


@dataclass(frozen=True)
class Immutable:
    """A field that cannot change in a run that exists; ``path`` is below ``spec``, snake_case."""

    name: str
    path: tuple[str, ...]
    why: str
    is_flag: bool = False
    """Whether not to give it, or a section around it, means the same as false."""
    is_section: bool = False
    """Whether what cannot change is that it is there; what it holds can."""

    @property
    def field(self) -> str:
        """The path in YAML spelling."""
        return ".".join(_camel(name) for name in self.path)

    @property
    def cel(self) -> str:
        """The rule as a CEL transition rule of the spec."""
        new, old = f"self.{self.field}", f"oldSelf.{self.field}"
        has_new, has_old = self._presence("self"), self._presence("oldSelf")
        if self.is_section:
            return f"({has_new}) == ({has_old})"
        if self.is_flag:
            return f"({has_new} && {new}) == ({has_old} && {old})"
        return f"({has_new}) == ({has_old}) && (!({has_new}) || {new} == {old})"

    def _presence(self, root: str) -> str:
        """CEL: whether the field is there; neither is a field of a section that was left out."""
        steps = self.field.split(".")
        first = 1 if steps[0] in FILLED else 0
        paths = (".".join((root, *steps[: at + 1])) for at in range(first, len(steps)))
        return " && ".join(f"has({path})" for path in paths)

    @property
    def message(self) -> str:
        """The sentence for a change of the field."""
        return f"cannot be changed, because {self.why}: make a new one instead"

    def value(self, spec: Any) -> Any:
        """The field's value in a spec."""
        for name in self.path:
            if spec is None:
                return False if self.is_flag else None
            spec = getattr(spec, name)
        return spec is not None if self.is_section else spec


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def cel_text(text: str) -> str:
    """A CEL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _number(name: str) -> Value:
    """A placeholder that shows a whole number of the object itself."""
    return Value(name, attrgetter(name), f"self.{to_camel(name)}")


def _text(name: str) -> Value:
    """A placeholder that shows a string of the object itself."""
    return Value(name, attrgetter(name), f"self.{to_camel(name)}", "%s")


RUN: Final = (
    Rule(
        name="name-length",
        field="metadata.name",
        cel=f"self.metadata.name.size() <= {NAME_LIMIT}",
        holds=lambda run: len(run.metadata.name) <= NAME_LIMIT,
        template="a name of {length} characters is too long, 40 are possible, because the"
        " run's parts add suffixes to it: choose a shorter name",
        values=(Value("length", lambda run: len(run.metadata.name), "self.metadata.name.size()"),),
    ),
    Rule(
        name="name-form",
        field="metadata.name",
        cel=f"self.metadata.name.matches({cel_text(NAME_FORM)})",
        holds=lambda run: re.search(NAME_FORM, run.metadata.name) is not None,
        template="must be lower-case letters, digits and '-', begin with a letter"
        " and end with a letter or digit, because services are named after it",
    ),
)

_IS_MAGIC: Final = "(!has(self.environment) || has(self.environment.magic))"
_IS_ENGINE: Final = "(has(self.environment) && has(self.environment.engine))"
_HAS_DECKS: Final = "(has(self.decks) && self.decks.size() > 0)"
_OPPONENTS: Final = (
    "(has(self.evaluation.opponents) ? self.evaluation.opponents"
    f" : {_IS_MAGIC} ? ['random', 'aggressive'] : ['random'])"
)
_LEADS: Final = ("life", "board", "cards")
"""Potentials that only Magic has."""
_POTENTIAL_NAME: Final = 64


def _has_leads(weights: str) -> str:
    """CEL: whether such weights, if they are there, count what only Magic has."""
    return f"(has({weights}) && {list(_LEADS)}.exists(n, n in {weights} && {weights}[n] > 0.0))"


_OF_MAGIC: Final = f"(has(p.decks) || {_has_leads('p.rewardShaping')})"


def _counts_leads(weights: Mapping[str, float] | None) -> bool:
    return any((weights or {}).get(name, 0) > 0 for name in _LEADS)


POTENTIALS: Final = (
    Rule(
        name="potentials-named",
        field="rewardShaping",
        cel=f"!has(self.rewardShaping) || self.rewardShaping.all(n, n.size() <= {_POTENTIAL_NAME})",
        holds=lambda given: all(
            len(each) <= _POTENTIAL_NAME for each in given.reward_shaping or ()
        ),
        template=f"no potential has a name of more than {_POTENTIAL_NAME} characters: correct it",
    ),
)
"""Of the spec and of a phase. Which potentials there are, the roles know."""


def _is_magic(spec: Any) -> bool:
    return bool(spec.environment.is_magic)


def _of_magic(spec: Any) -> list[str]:
    """The phases with what only Magic has."""
    return [
        phase.name
        for phase in spec.curriculum
        if phase.decks is not None or _counts_leads(phase.reward_shaping)
    ]


_VERSION: Final = "^v[0-9]+$"
"""Versions of the policy, as results name them."""


def _strangers(players: str, *, may_be_past: bool) -> str:
    """CEL: those of a list of players that no environment has, or not this one. Names of entry
    points may be those of players."""
    never = ["latest", "champion"] if may_be_past else ["latest", "champion", "past"]
    return (
        f"{players}.filter(o, o in {never} || o.matches('{_VERSION}')"
        f" || (!{_IS_MAGIC} && (o == 'aggressive' || (o == 'engine' && !{_IS_ENGINE}))))"
    )


def _unknown(spec: Any, players: Iterable[str] | None, *, may_be_past: bool) -> list[str]:
    """Those of the players that the environment does not have."""
    unknown = {"latest", "champion"} if may_be_past else {"latest", "champion", "past"}
    if not _is_magic(spec):
        has_engine = spec.environment.engine is not None
        unknown |= {"aggressive"} if has_engine else {"aggressive", "engine"}
    return [each for each in players or () if each in unknown or re.search(_VERSION, each)]


def _players_known(field: str, players: Callable[[Any], Iterable[str] | None]) -> Rule:
    """A list of players holds only such as the environment has."""
    path = f"self.{field}"
    section = field.partition(".")[0].lower()
    may_be_past = section == "evaluation"
    strangers = _strangers(path, may_be_past=may_be_past)

    def unknown(spec: Any) -> list[str]:
        return _unknown(spec, players(spec), may_be_past=may_be_past)

    return Rule(
        name=f"{section}-players-known",
        field=field,
        cel=f"!has({path}) || {strangers}.size() == 0",
        holds=lambda spec: not unknown(spec),
        template=f"this environment has no player {{player}}: {_WHO_PLAYS}",
        values=(
            Value(
                "player",
                lambda spec: unknown(spec)[0],
                f"{strangers}[0]",
                "%s",
            ),
        ),
    )


_WHO_PLAYS: Final = (
    "random plays in all, engine where the engine has a player of its own (magic and engine),"
    " aggressive in magic alone, and an entry point may have any name but past, latest, champion"
    " and those of versions"
)
_PHASE_PLAYERS: Final = "p.opponents.scriptedPlayers"
_WITH_STRANGERS: Final = (
    f"has(p.opponents) && has({_PHASE_PLAYERS})"
    f" && {_strangers(_PHASE_PLAYERS, may_be_past=False)}.size() > 0"
)


def _with_strangers(spec: Any) -> list[str]:
    """The phases with a player that the environment does not have."""
    return [
        phase.name
        for phase in spec.curriculum
        if phase.opponents is not None
        and _unknown(spec, phase.opponents.scripted_players, may_be_past=False)
    ]


def _has_engine_daemons(spec: Any) -> bool:
    """Whether the daemons are somebody else's program."""
    return spec.daemon.external is not None or spec.daemon.container.image is not None


_CONTAINERS: Final = "self.template.spec.containers"
_HAS_CONTAINERS: Final = (
    "has(self.template) && has(self.template.spec) && has(self.template.spec.containers)"
)


def _asks(role: str, what: str, *, at: str = "self") -> str:
    """CEL: whether the template of the role's section, which is ``at``, asks this of the role's own
    container, which is ``c``."""
    asked = f"({_HAS_CONTAINERS} && {_CONTAINERS}.exists(c, c.name == '{role}' && {what}))"
    return asked.replace("self.template", f"{at}.template")


_WITH_UNKNOWN_DECK: Final = (
    "self.curriculum.filter(p, has(p.decks)"
    " && !p.decks.all(d, self.decks.exists(e, e.name == d.name)))[0].name"
)
_WITH_UNKNOWN_GOAL: Final = (
    "self.curriculum.filter(p, has(p.until) && has(p.until.winRate)"
    f" && !(p.until.winRate.opponent in {_OPPONENTS}))[0].name"
)


def _with_unknown_deck(spec: Any) -> list[str]:
    """The phases with a deck that spec.decks does not name."""
    known = {deck.name for deck in spec.decks}
    return [
        phase.name
        for phase in spec.curriculum
        if not known.issuperset(deck.name for deck in phase.decks or ())
    ]


def _with_unknown_goal(spec: Any) -> list[str]:
    """Return the phases that wait for a win rate which no evaluation measures."""
    ends = [(phase.name, phase.until.win_rate) for phase in spec.curriculum if phase.until]
    known = spec.evaluation_opponents
    return [name for name, goal in ends if goal is not None and goal.opponent not in known]


INLINE_LENGTH: Final = 8192
"""Most characters of a list of cards in the spec."""
INLINE_TOTAL: Final = 65_536
"""And of all lists together: an object is kept with its earlier form beside it, in 1.5 MB."""
_INLINE: Final = "self.decks.map(d, has(d.inline) ? d.inline.size() : 0).sum()"
_OWN_DECKS: Final = (
    "has(self.decks) && self.decks.exists(d, has(d.inline) || has(d.configMapKeyRef))"
)


def _inline_length(spec: Any) -> int:
    return sum(len(deck.inline or "") for deck in spec.decks)


DECK: Final = (
    Rule(
        name="deck-one-source",
        field="",
        cel="!has(self.inline) || !has(self.configMapKeyRef)",
        holds=lambda deck: deck.inline is None or deck.config_map_key_ref is None,
        template="a deck has one list of cards: give inline or configMapKeyRef, or neither for a"
        " deck of the daemon's image",
    ),
)

MINIBATCHES: Final = 4
"""Of a run of PPO that names none."""
_HAS_SEARCH: Final = "(has(self.algorithm) && has(self.algorithm.alphaZero))"
_MINIBATCHES_OF: Final = (
    f"(!has(self.algorithm) ? {MINIBATCHES}"
    " : has(self.algorithm.ppo) ? self.algorithm.ppo.minibatches : 1)"
)
_BOARD_NETWORK: Final = "resnet"
"""The network that only alphaZero has."""
_SEARCH_PLAYER: Final = "^(random|past|(openspiel-)?mcts-([1-9][0-9]{0,4}|100000))$"
"""Whom the policy of a search meets in evaluations."""
_SHARES: Final = (("latest", 0.5), ("past", 0.4), ("scripted", 0.1))
"""The opponents of a run that names none."""


def _has_search(spec: Any) -> bool:
    return spec.algorithm.alpha_zero is not None


def _minibatches(spec: Any) -> int:
    """Parts of a batch, as PPO cuts it; a search's learner has a batch of its own."""
    return 1 if spec.algorithm.ppo is None else int(spec.algorithm.ppo.minibatches)


def _chooses_opponents(spec: Any) -> bool:
    """Whether the opponents of training are others than those of a run that names none."""
    given = spec.self_play
    is_other = any(getattr(given, name) != share for name, share in _SHARES)
    return is_other or given.scripted_players is not None


def _without(field: str, *, cel: str, holds: Callable[[Any], bool], why: str) -> Rule:
    """A field that a run of alphaZero cannot have; ``cel`` and ``holds`` say that it is absent."""
    return Rule(
        name=f"alpha-zero-{field.replace('.', '-').lower()}",
        field=field,
        cel=f"!{_HAS_SEARCH} || {cel}",
        holds=lambda spec: not _has_search(spec) or holds(spec),
        template=f"alphaZero {why}",
    )


_OF_PPO: Final = (
    Rule(
        name="batch-divides",
        field="learner.batchTransitions",
        cel="self.learner.batchTransitions >="
        f" {_MINIBATCHES_OF} * self.learner.gradientAccumulation",
        holds=lambda spec: (
            spec.learner.batch_transitions
            >= _minibatches(spec) * spec.learner.gradient_accumulation
        ),
        template="{batch} transitions cannot be cut into algorithm.ppo.minibatches x"
        " gradientAccumulation parts: raise batchTransitions",
        values=(
            Value(
                "batch", attrgetter("learner.batch_transitions"), "self.learner.batchTransitions"
            ),
        ),
    ),
    Rule(
        name="network-of-ppo",
        field="learner.network.kind",
        cel=f"{_HAS_SEARCH} || self.learner.network.kind != '{_BOARD_NETWORK}'",
        holds=lambda spec: _has_search(spec) or spec.learner.network.kind != _BOARD_NETWORK,
        template="a resnet is a network of alphaZero alone: choose mlp or transformer, or"
        " algorithm.alphaZero",
    ),
    Rule(
        name="inference-of-search",
        field="inference",
        cel=f"{_HAS_SEARCH} || !has(self.inference)",
        holds=lambda spec: _has_search(spec) or spec.inference is None,
        template="only searches ask inference servers: remove inference, or choose"
        " algorithm.alphaZero",
    ),
    Rule(
        name="replay-of-league",
        field="replay",
        cel="!has(self.replay) || has(self.leagueRef)",
        holds=lambda spec: spec.replay is None or spec.league_ref is not None,
        template="the Replay service is a league's: give leagueRef, or remove replay",
    ),
    Rule(
        name="replay-in-one-process",
        field="replay",
        cel="!has(self.replay) || self.learner.gpus <= 1",
        holds=lambda spec: spec.replay is None or spec.learner.gpus <= 1,
        template="a learner samples in one process: set learner.gpus to 0 or 1",
    ),
)
_OF_SEARCH: Final = (
    _without(
        "replay",
        cel="!has(self.replay)",
        holds=lambda spec: spec.replay is None,
        why="has a window of its own: remove replay",
    ),
    _without(
        "environment",
        cel="(has(self.environment) && (has(self.environment.builtIn)"
        " || has(self.environment.openSpiel) || has(self.environment.python)))",
        holds=lambda spec: any(
            each is not None
            for each in (
                spec.environment.built_in,
                spec.environment.open_spiel,
                spec.environment.python,
            )
        ),
        why="searches copies of games that hide nothing: choose builtIn, openSpiel or python, or"
        " algorithm.ppo",
    ),
    _without(
        "learner.network.kind",
        cel="self.learner.network.kind in ['mlp', 'resnet']",
        holds=lambda spec: spec.learner.network.kind in {"mlp", _BOARD_NETWORK},
        why="has a network of kind mlp or resnet: choose one",
    ),
    _without(
        "daemon",
        cel="(!has(self.daemon.external) && !has(self.daemon.template) && !has(self.daemon.jvm)"
        " && !self.daemon.embedded)",
        holds=lambda spec: not spec.daemon.embedded and not _has_daemons(spec.daemon),
        why="has no daemons: remove external, template, jvm and embedded",
    ),
    _without(
        "selfPlay",
        cel=f"({' && '.join(f'self.selfPlay.{name} == {share}' for name, share in _SHARES)}"
        " && !has(self.selfPlay.scriptedPlayers))",
        holds=lambda spec: not _chooses_opponents(spec),
        why="plays against itself alone: remove latest, past, scripted and scriptedPlayers",
    ),
    _without(
        "rewardShaping",
        cel="(!has(self.rewardShaping) || self.rewardShaping.size() == 0)",
        holds=lambda spec: not spec.reward_shaping,
        why="learns from outcomes alone: remove rewardShaping",
    ),
    _without(
        "curriculum",
        cel="(!has(self.curriculum) || self.curriculum.size() == 0)",
        holds=lambda spec: not spec.curriculum,
        why="has nothing that phases could change: remove curriculum",
    ),
    _without(
        "evaluation.opponents",
        cel="(!has(self.evaluation.opponents)"
        f" || self.evaluation.opponents.all(o, o.matches('{_SEARCH_PLAYER}')))",
        holds=lambda spec: all(
            re.search(_SEARCH_PLAYER, each) for each in spec.evaluation.opponents or ()
        ),
        why="is evaluated against random, past and searches such as mcts-100: name these alone",
    ),
)

SPEC: Final = (
    Rule(
        name="decks-not-too-long",
        field="decks",
        cel=f"!has(self.decks) || {_INLINE} <= {INLINE_TOTAL}",
        holds=lambda spec: _inline_length(spec) <= INLINE_TOTAL,
        template=f"{{length}} characters stand in inline, and {INLINE_TOTAL} are possible: put some"
        " of the lists into ConfigMaps (configMapKeyRef)",
        values=(Value("length", _inline_length, _INLINE),),
    ),
    Rule(
        name="external-has-decks",
        field="decks",
        cel=f"!has(self.daemon) || !has(self.daemon.external) || !({_OWN_DECKS})",
        holds=lambda spec: (
            spec.daemon.external is None or not any(deck.is_own for deck in spec.decks)
        ),
        template="daemons that exist already hold their decks themselves: put the deck there, and"
        " give its name alone",
    ),
    Rule(
        name="phases-end",
        field="curriculum",
        cel="!has(self.curriculum) || self.curriculum.size() == 0"
        " || (self.curriculum.filter(p, !has(p.until)).size() == 1"
        " && !has(self.curriculum[self.curriculum.size() - 1].until))",
        holds=lambda spec: (
            [phase.until is None for phase in spec.curriculum]
            == [False] * (len(spec.curriculum) - 1) + [True] * bool(spec.curriculum)
        ),
        template="every phase but the last needs until, and the last has none, because it lasts to"
        " the end of the run: give the others one, and take it from the last",
    ),
    Rule(
        name="phase-decks-known",
        field="curriculum",
        cel=f"!has(self.curriculum) || !{_HAS_DECKS} || self.curriculum.all(p, !has(p.decks)"
        " || p.decks.all(d, self.decks.exists(e, e.name == d.name)))",
        holds=lambda spec: not spec.decks or not _with_unknown_deck(spec),
        template="phase {phase} plays a deck that is not one of spec.decks: add it there, where"
        " evaluations take their decks from, or take it from the phase",
        values=(
            Value("phase", lambda spec: _with_unknown_deck(spec)[0], _WITH_UNKNOWN_DECK, "%s"),
        ),
    ),
    Rule(
        name="phase-goal-evaluated",
        field="curriculum",
        cel="!has(self.curriculum) || self.curriculum.all(p, !has(p.until)"
        f" || !has(p.until.winRate) || p.until.winRate.opponent in {_OPPONENTS})",
        holds=lambda spec: not _with_unknown_goal(spec),
        template="phase {phase} waits for a win rate against an opponent that is not one of"
        " evaluation.opponents: add it there, or name one of these",
        values=(
            Value("phase", lambda spec: _with_unknown_goal(spec)[0], _WITH_UNKNOWN_GOAL, "%s"),
        ),
    ),
    Rule(
        name="stop-opponent-evaluated",
        field="stopWhen.opponent",
        cel="!has(self.stopWhen) || !has(self.stopWhen.opponent)"
        f" || self.stopWhen.opponent in {_OPPONENTS}",
        holds=lambda spec: (
            spec.stop_when is None
            or spec.stop_when.opponent is None
            or spec.stop_when.opponent in spec.evaluation_opponents
        ),
        template="no evaluation measures the win rate against {opponent}, because it is not one of"
        " evaluation.opponents: add it there, or name one of these",
        values=(
            Value("opponent", attrgetter("stop_when.opponent"), "self.stopWhen.opponent", "%s"),
        ),
    ),
    Rule(
        name="magic-needs-decks",
        field="decks",
        cel=f"!{_IS_MAGIC} || {_HAS_DECKS}",
        holds=lambda spec: not _is_magic(spec) or bool(spec.decks),
        template="Magic is played with decks: name at least one, or another game in"
        " spec.environment",
    ),
    Rule(
        name="decks-of-magic",
        field="decks",
        cel=f"{_IS_MAGIC} || !{_HAS_DECKS}",
        holds=lambda spec: _is_magic(spec) or not spec.decks,
        template="only Magic has decks, and spec.environment names another game: remove one of"
        " both",
    ),
    Rule(
        name="phases-of-magic",
        field="curriculum",
        cel=f"{_IS_MAGIC} || !has(self.curriculum) || !self.curriculum.exists(p, {_OF_MAGIC})",
        holds=lambda spec: _is_magic(spec) or not _of_magic(spec),
        template="phase {phase} has decks, or rewardShaping by life, board or cards, which only"
        " Magic has: remove them",
        values=(
            Value(
                "phase",
                lambda spec: _of_magic(spec)[0],
                f"self.curriculum.filter(p, {_OF_MAGIC})[0].name",
                "%s",
            ),
        ),
    ),
    *POTENTIALS,
    Rule(
        name="shaping-of-magic",
        field="rewardShaping",
        cel=f"{_IS_MAGIC} || !{_has_leads('self.rewardShaping')}",
        holds=lambda spec: _is_magic(spec) or not _counts_leads(spec.reward_shaping),
        template="only Magic has the potentials life, board and cards, and spec.environment names"
        " another game: remove them",
    ),
    Rule(
        name="jvm-of-magic",
        field="daemon.jvm",
        cel=f"{_IS_MAGIC} || !has(self.daemon.jvm)",
        holds=lambda spec: _is_magic(spec) or spec.daemon.jvm is None,
        template="a Forge build plays Magic alone, and spec.environment names another game: remove"
        " one of both",
    ),
    Rule(
        name="engine-needs-daemons",
        field="environment.engine",
        cel=f"!{_IS_ENGINE} || has(self.daemon.external)"
        f" || {_asks('daemon', 'has(c.image)', at='self.daemon')}",
        holds=lambda spec: spec.environment.engine is None or _has_engine_daemons(spec),
        template="no daemon of ours serves this engine: name its image as that of container daemon"
        " in daemon.template, or give the addresses where it listens as daemon.external",
    ),
    Rule(
        name="embedded-games",
        field="daemon.embedded",
        cel=f"!self.daemon.embedded || (!{_IS_MAGIC} && !{_IS_ENGINE})",
        holds=lambda spec: (
            not spec.daemon.embedded or not (_is_magic(spec) or spec.environment.engine is not None)
        ),
        template="only games that are written in Python can be played in the actors' processes, and"
        " those of this environment are an engine's: remove embedded",
    ),
    _players_known("evaluation.opponents", attrgetter("evaluation.opponents")),
    _players_known("selfPlay.scriptedPlayers", attrgetter("self_play.scripted_players")),
    Rule(
        name="phase-players-known",
        field="curriculum",
        cel=f"!has(self.curriculum) || !self.curriculum.exists(p, {_WITH_STRANGERS})",
        holds=lambda spec: not _with_strangers(spec),
        template="phase {phase} has a scripted player that this environment does not have:"
        f" {_WHO_PLAYS}",
        values=(
            Value(
                "phase",
                lambda spec: _with_strangers(spec)[0],
                f"self.curriculum.filter(p, {_WITH_STRANGERS})[0].name",
                "%s",
            ),
        ),
    ),
    *_OF_PPO,
    *_OF_SEARCH,
)

COST: Final = (
    Rule(
        name="budget-needs-price",
        field="budget",
        cel="!has(self.budget) || self.daemonHourly + self.actorHourly + self.learnerHourly > 0.0",
        holds=lambda cost: (
            cost.budget is None or cost.daemon_hourly + cost.actor_hourly + cost.learner_hourly > 0
        ),
        template="all prices are 0, so nothing would ever be spent: set daemonHourly, actorHourly"
        " or learnerHourly, or remove budget",
    ),
)


UNTIL: Final = (
    Rule(
        name="until-says-something",
        field="",
        cel="has(self.games) || has(self.winRate)",
        holds=lambda until: until.games is not None or until.win_rate is not None,
        template="the phase would never end: give games, winRate or both",
    ),
)

AUTOSCALING: Final = (
    Rule(
        name="replicas-ordered",
        field="minReplicas",
        cel="self.minReplicas <= self.maxReplicas",
        holds=lambda scaling: scaling.min_replicas <= scaling.max_replicas,
        template="{min_replicas} is above maxReplicas {max_replicas}: lower minReplicas or raise"
        " maxReplicas",
        values=(_number("min_replicas"), _number("max_replicas")),
    ),
)


def _amount(path: str) -> str:
    """CEL: an amount as a quantity, which the API server may have as a number or as text."""
    return f"(type({path}) == int ? quantity('0').add({path}) : quantity({path}))"


def _of_resource(name: str, part: str, what: str) -> str:
    """CEL of container ``c``: it gives this amount, and ``what`` holds of it."""
    amounts = f"c.resources.{part}"
    given = f"has(c.resources) && has({amounts}) && {cel_text(name)} in {amounts}"
    return f"({given} && {what.format(amount=f'{amounts}[{cel_text(name)}]')})"


_OTHERS: Final = "c.name != '{role}' && !has(c.image)"


def _others(role: str, section: Any) -> list[str]:
    """The containers beside the role's own that name no image."""
    given = section.template.spec.containers if section.template is not None else None
    return [each.name for each in given or () if each.name != role and each.image is None]


def _own_container(role: str) -> Rule:
    """A name that was mistyped would make one more container, which cannot run."""
    others = _OTHERS.format(role=role)
    return Rule(
        name=f"{role}-container-named",
        field="template.spec.containers",
        cel=f"!({_HAS_CONTAINERS}) || !{_CONTAINERS}.exists(c, {others})",
        holds=lambda section: not _others(role, section),
        template="container {container} has no image: the role's own container is called"
        f" {role}, and any other needs an image, with which it runs beside it",
        values=(
            Value(
                "container",
                lambda section: _others(role, section)[0],
                f"{_CONTAINERS}.filter(c, {others})[0].name",
                "%s",
            ),
        ),
    )


_BELOW_HEAP: Final = f"!{_amount('{amount}')}.isGreaterThan({_amount('self.jvm.heap')})"
_HEAP_TOO_LARGE: Final = " || ".join(
    _of_resource(MEMORY, part, _BELOW_HEAP) for part in ("limits", "requests")
)


def _heap_fits(daemon: Any) -> bool:
    """Whether each amount of memory that is given is above the heap; any if there is no heap."""
    asked = daemon.container.resources
    amounts = (asked.limits.get(MEMORY), asked.requests.get(MEMORY))
    return daemon.jvm is None or all(
        bytes_of(amount) > bytes_of(daemon.jvm.heap) for amount in amounts if amount is not None
    )


def _has_daemons(daemon: Any) -> bool:
    """Whether something is said of daemons that only such a run has."""
    return any(each is not None for each in (daemon.external, daemon.template, daemon.jvm))


DAEMON: Final = (
    _own_container("daemon"),
    Rule(
        name="jvm-needs-image",
        field="template",
        cel=f"!has(self.jvm) || {_asks('daemon', 'has(c.image)')}",
        holds=lambda daemon: daemon.jvm is None or daemon.container.image is not None,
        template="jvm is for a daemon that is a Forge build, and no image with one is named: build"
        " one and name it as the image of container daemon, or remove jvm",
    ),
    Rule(
        name="heap-fits",
        field="jvm.heap",
        cel=f"!has(self.jvm) || !{_asks('daemon', f'({_HEAP_TOO_LARGE})')}",
        holds=_heap_fits,
        template="a heap of {heap} does not fit into the memory of container daemon, of which Java"
        " needs about a quarter for other things: raise its resources, or leave their memory out",
        values=(Value("heap", attrgetter("jvm.heap"), "self.jvm.heap", "%s"),),
    ),
    Rule(
        name="external-alone",
        field="external",
        cel="!has(self.external) || (!has(self.template) && !has(self.jvm))",
        holds=lambda daemon: (
            daemon.external is None or (daemon.template is None and daemon.jvm is None)
        ),
        template="daemons that exist already are used as they are: remove template and jvm, or"
        " remove external",
    ),
    Rule(
        name="embedded-alone",
        field="embedded",
        cel="!self.embedded || (!has(self.external) && !has(self.template) && !has(self.jvm))",
        holds=lambda daemon: not daemon.embedded or not _has_daemons(daemon),
        template="the actors play the games themselves, so there are no daemons: remove external,"
        " template and jvm, or remove embedded",
    ),
)

ACTOR: Final = (_own_container("actor"),)
EVALUATOR: Final = (_own_container("evaluator"),)


def _given(section: Any, resource: str, *parts: str) -> bool:
    """Whether an amount of the resource is asked of the role's own container."""
    return any(resource in getattr(section.container.resources, part) for part in parts)


_ANY_AMOUNT: Final = "true"
_GPUS: Final = " || ".join(_of_resource(GPU, part, _ANY_AMOUNT) for part in ("limits", "requests"))
_MEMORY_LIMIT: Final = _of_resource(MEMORY, "limits", _ANY_AMOUNT)

MANAGED_REDIS: Final = (
    _own_container("redis"),
    Rule(
        name="redis-memory-once",
        field="template",
        cel=f"!{_asks('redis', _MEMORY_LIMIT)}",
        holds=lambda redis: not _given(redis, MEMORY, "limits"),
        template="the memory limit of Redis is redis.managed.memory, which also says how much data"
        " it may hold: set that, and leave limits.memory of container redis out",
    ),
)

LEARNER: Final = (
    _own_container("learner"),
    Rule(
        name="gpus-once",
        field="template",
        cel=f"!{_asks('learner', f'({_GPUS})')}",
        holds=lambda learner: not _given(learner, GPU, "limits", "requests"),
        template="the learner's GPUs are learner.gpus, which also says how many processes train:"
        f" set that, and leave {GPU} of container learner out",
    ),
)

_OF_INFERENCE: Final = (_own_container("inference"),)
INFERENCE: Final = (*_OF_INFERENCE, *AUTOSCALING)

REPLAY: Final = (
    Rule(
        name="rows-ordered",
        field="rows",
        cel="self.leastRows <= self.rows && self.rows <= self.mostRows",
        holds=lambda replay: replay.least_rows <= replay.rows <= replay.most_rows,
        template="a window of {rows} positions cannot hold leastRows {least_rows} of mostRows"
        " {most_rows}: order them leastRows, rows, mostRows",
        values=(_number("rows"), _number("least_rows"), _number("most_rows")),
    ),
)

SELF_PLAY: Final = (
    Rule(
        name="shares-positive",
        field="",
        cel="self.latest + self.past + self.scripted > 0.0",
        holds=lambda shares: shares.latest + shares.past + shares.scripted > 0,
        template="latest, past and scripted are all 0, so there is no opponent to play: give at"
        " least one of them a share",
    ),
)


def _exactly_one(name: str, what: str, *sections: str) -> Rule:
    """A union: exactly one of its sections is set."""
    terms = [f"(has(self.{to_camel(each)}) ? 1 : 0)" for each in sections]
    shown = [to_camel(each) for each in sections]
    return Rule(
        name=name,
        field="",
        cel=f"{' + '.join(terms)} == 1",
        holds=lambda union: sum(getattr(union, each) is not None for each in sections) == 1,
        template=f"{what}: give exactly one of {', '.join(shown[:-1])} and {shown[-1]}",
    )


ALGORITHM: Final = (
    _exactly_one("algorithm-one-of", "a run learns in one way", "ppo", "alpha_zero"),
)

_MAGIC: Final = "magic"
_PARAMETER_NAME: Final = 64
LONGEST_OBSERVATION: Final = 65_536
"""Numbers of one observation, as roles accept it (``contracts.environment_spec``)."""


def _product(dimensions: int) -> str:
    """CEL: the product of the first dimensions; those that are not there counted as 1."""
    shape = "self.observation"
    return " * ".join(f"({shape}.size() > {at} ? {shape}[{at}] : 1)" for at in range(dimensions))


ENVIRONMENT: Final = (
    _exactly_one(
        "environment-one-of",
        "a run plays in one environment",
        "magic",
        "built_in",
        "open_spiel",
        "petting_zoo",
        "python",
        "engine",
    ),
)
BUILT_IN: Final = (
    Rule(
        name="built-in-not-magic",
        field="name",
        cel=f"self.name != '{_MAGIC}'",
        holds=lambda built_in: built_in.name != _MAGIC,
        template="Magic is an environment of its own, with decks: write environment.magic,"
        " or leave environment out",
    ),
)
OPEN_SPIEL: Final = (
    Rule(
        name="parameters-named",
        field="parameters",
        cel=f"!has(self.parameters) || self.parameters.all(n, n.size() <= {_PARAMETER_NAME})",
        holds=lambda game: all(len(name) <= _PARAMETER_NAME for name in game.parameters),
        template=f"no parameter of OpenSpiel has a name of more than {_PARAMETER_NAME} characters:"
        " correct it",
    ),
)
ENGINE: Final = (
    Rule(
        name="observation-bounded",
        field="observation",
        # The shorter product comes first: where it is small enough, the whole does not overflow.
        cel=f"{_product(3)} <= {LONGEST_OBSERVATION} && {_product(4)} <= {LONGEST_OBSERVATION}",
        holds=lambda engine: math.prod(engine.observation) <= LONGEST_OBSERVATION,
        template=f"one observation holds at most {LONGEST_OBSERVATION} numbers: make its shape"
        " smaller",
    ),
)
ACTIONS: Final = (
    _exactly_one(
        "actions-one-of", "legal actions are described in one way", "features", "vocabulary"
    ),
)

STORAGE: Final = (
    _exactly_one(
        "storage-one-of",
        "checkpoints are kept in one place",
        "s3",
        "persistent_volume_claim",
        "directory",
    ),
)
SOURCE: Final = (
    _exactly_one("source-one-of", "a checkpoint is taken from one place", "s3", "directory"),
)

REDIS: Final = (
    Rule(
        name="redis-one-of",
        field="",
        cel="(has(self.url) ? 1 : 0) + (has(self.urlSecretRef) ? 1 : 0)"
        " + (has(self.managed) ? 1 : 0) <= 1",
        holds=lambda redis: (
            sum(each is not None for each in (redis.url, redis.url_secret_ref, redis.managed)) <= 1
        ),
        template="a run has one Redis: keep one of url, urlSecretRef and managed",
    ),
    Rule(
        name="redis-url-form",
        field="url",
        cel=f"!has(self.url) || self.url.matches({cel_text(REDIS_FORM)})",
        holds=lambda redis: redis.url is None or re.search(REDIS_FORM, redis.url) is not None,
        template="'{url}' is no Redis address: write redis://host:6379/0, or rediss:// for TLS",
        values=(_text("url"),),
    ),
)

_QUEUE: Final = "the queue and the ledger of the run are there"
_TABLE: Final = "the run's table was made with it"

IMMUTABLE: Final = (
    Immutable("seed-fixed", ("seed",), "the games that were played came from it"),
    Immutable("redis-url-fixed", ("redis", "url"), _QUEUE),
    Immutable("redis-secret-fixed", ("redis", "url_secret_ref"), _QUEUE),
    Immutable(
        "redis-tls-fixed",
        ("redis", "managed", "tls"),
        "its members have the address of a Redis that speaks the other way",
        is_flag=True,
    ),
    *(
        Immutable(name, ("checkpoint", "storage", *path), "the run's checkpoints would stay behind")
        for name, path in (
            ("bucket-fixed", ("s3", "bucket")),
            ("prefix-fixed", ("s3", "prefix")),
            ("claim-fixed", ("persistent_volume_claim",)),
            ("directory-fixed", ("directory",)),
        )
    ),
    Immutable(
        "algorithm-fixed",
        ("algorithm", "alpha_zero"),
        "its checkpoints fit no other algorithm",
        is_section=True,
    ),
    Immutable("replay-alpha-fixed", ("replay", "alpha"), _TABLE),
    Immutable("replay-segments-fixed", ("replay", "segments"), _TABLE),
    Immutable("environment-fixed", ("environment",), "its checkpoints fit no other environment"),
    Immutable("network-fixed", ("learner", "network"), "its checkpoints fit no other network"),
)

ALL: Final = (
    *RUN,
    *DECK,
    *SPEC,
    *ENVIRONMENT,
    *BUILT_IN,
    *OPEN_SPIEL,
    *ENGINE,
    *ACTIONS,
    *COST,
    *UNTIL,
    *AUTOSCALING,
    *DAEMON,
    *ACTOR,
    *EVALUATOR,
    *MANAGED_REDIS,
    *LEARNER,
    *_OF_INFERENCE,
    *REPLAY,
    *ALGORITHM,
    *SELF_PLAY,
    *STORAGE,
    *SOURCE,
    *REDIS,
)
