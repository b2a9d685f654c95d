"""The rules between fields, each written once: a Python check, the same check in CEL, one message.

Pydantic runs the check, the API server runs the CEL, and both print the same sentence, because the
sentence is a template whose ``{placeholders}`` become values in Python and a ``messageExpression``
in CEL. A rule about one field alone belongs in the field's own bounds instead, unless the bound
could only say "does not match a pattern".

Models take their rules from here and not the other way round, so this module knows fields by name
only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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


@dataclass(frozen=True)
class Immutable:
    """A field that cannot change in a run that exists; ``path`` is below ``spec``, snake_case."""

    name: str
    path: tuple[str, ...]
    why: str
    is_flag: bool = False
    """Whether not to give it, or a section around it, means the same as false."""

    @property
    def field(self) -> str:
        """The path in YAML spelling."""
        return ".".join(_camel(name) for name in self.path)

    @property
    def cel(self) -> str:
        """The rule as a CEL transition rule of the spec."""
        new, old = f"self.{self.field}", f"oldSelf.{self.field}"
        has_new, has_old = self._presence("self"), self._presence("oldSelf")
        if self.is_flag:
            return f"({has_new} && {new}) == ({has_old} && {old})"
        return f"({has_new}) == ({has_old}) && (!({has_new}) || {new} == {old})"

    def _presence(self, root: str) -> str:
        """CEL: whether the field is there; neither is a field of a section that was left out."""
        steps = self.field.split(".")
        paths = (".".join((root, *steps[: at + 1])) for at in range(len(steps)))
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
        return spec


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

_WITH_UNKNOWN_DECK: Final = (
    "self.curriculum.filter(p, has(p.decks)"
    " && !p.decks.all(d, self.decks.exists(e, e.name == d.name)))[0].name"
)
_WITH_UNKNOWN_GOAL: Final = (
    "self.curriculum.filter(p, has(p.until) && has(p.until.winRate)"
    " && !(p.until.winRate.opponent in self.evaluation.opponents))[0].name"
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
    known = spec.evaluation.opponents
    return [name for name, goal in ends if goal is not None and goal.opponent not in known]


SPEC: Final = (
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
        cel="!has(self.curriculum) || self.curriculum.all(p, !has(p.decks)"
        " || p.decks.all(d, self.decks.exists(e, e.name == d.name)))",
        holds=lambda spec: not _with_unknown_deck(spec),
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
        " || !has(p.until.winRate) || p.until.winRate.opponent in self.evaluation.opponents)",
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
        " || self.stopWhen.opponent in self.evaluation.opponents",
        holds=lambda spec: (
            spec.stop_when is None
            or spec.stop_when.opponent is None
            or spec.stop_when.opponent in spec.evaluation.opponents
        ),
        template="no evaluation measures the win rate against {opponent}, because it is not one of"
        " evaluation.opponents: add it there, or name one of these",
        values=(
            Value("opponent", attrgetter("stop_when.opponent"), "self.stopWhen.opponent", "%s"),
        ),
    ),
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


_CONTAINERS: Final = "self.template.spec.containers"
_HAS_CONTAINERS: Final = (
    "has(self.template) && has(self.template.spec) && has(self.template.spec.containers)"
)


def _asks(role: str, what: str) -> str:
    """CEL: whether the template asks this of the role's own container, which is ``c``."""
    return f"({_HAS_CONTAINERS} && {_CONTAINERS}.exists(c, c.name == '{role}' && {what}))"


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
    Rule(
        name="batch-divides",
        field="batchTransitions",
        cel="self.batchTransitions >= self.ppo.minibatches * self.gradientAccumulation",
        holds=lambda learner: (
            learner.batch_transitions >= learner.ppo.minibatches * learner.gradient_accumulation
        ),
        template="{batch_transitions} transitions cannot be cut into ppo.minibatches"
        " {minibatches} x gradientAccumulation {gradient_accumulation} parts: raise"
        " batchTransitions",
        values=(
            _number("batch_transitions"),
            Value("minibatches", attrgetter("ppo.minibatches"), "self.ppo.minibatches"),
            _number("gradient_accumulation"),
        ),
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
    Immutable("network-fixed", ("learner", "network"), "its checkpoints fit no other network"),
)

ALL: Final = (
    *RUN,
    *SPEC,
    *COST,
    *UNTIL,
    *AUTOSCALING,
    *DAEMON,
    *ACTOR,
    *EVALUATOR,
    *MANAGED_REDIS,
    *LEARNER,
    *SELF_PLAY,
    *STORAGE,
    *SOURCE,
    *REDIS,
)
