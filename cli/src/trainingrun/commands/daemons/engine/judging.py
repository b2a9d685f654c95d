"""Judges the lines of an engine's games: by the environment of a file, or by what the first
decision had. What decides is the reader that actors have; nothing is stricter or laxer here.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec import Struct
from trainingrun_contracts.environment_spec import EnvironmentSpec, Features, Vocabulary
from trainingrun_environments.generic.questions import QuestionReader
from trainingrun_protocol.errors import DecisionError
from trainingrun_protocol.generic import GenericDecision, decode_generic
from trainingrun_protocol.lines import GameResult, GameReturns

from trainingrun.commands.daemons.engine.checks import (
    ACTIONS,
    DECISIONS,
    OBSERVATION,
    RESULT,
    SCHEMA,
    Findings,
)
from trainingrun.commands.daemons.link import Line

LARGEST_VOCABULARY: Final = 2048
_WINNER: Final = re.compile(r"\w+\((?P<seat>[12])\)-")
_OBSERVED_NAME: Final = "my-game"


class _Form(Struct, frozen=True):
    """What every decision must share."""

    shape: tuple[int, ...]
    dtype: str
    width: int
    """Features of an action; 0: actions are numbers of a vocabulary."""


class Judge:
    """Holds one environment over all games."""

    def __init__(self, findings: Findings, spec: EnvironmentSpec | None) -> None:
        self._findings = findings
        self._given = spec
        self._reader = None if spec is None else QuestionReader(spec)
        self._held: _Form | None = None
        self._largest_index = 0
        self._largest_return = 1.0
        self._has_returns: bool | None = None

    @property
    def observed(self) -> EnvironmentSpec | None:
        """The environment that fits what was seen; None before the first decision that is one."""
        if self._given is not None or self._held is None:
            return self._given
        width = self._held.width
        return EnvironmentSpec(
            name=_OBSERVED_NAME,
            version="1",
            observation=self._held.shape,
            actions=Features(width) if width else Vocabulary(self._largest_index + 1),
            reward_bound=self._largest_return,
        )

    def decision(self, raw: bytes, line: Line) -> GenericDecision | None:
        """Judge a decision; None where it cannot be answered."""
        try:
            decision = decode_generic(raw)
        except DecisionError as error:
            check = OBSERVATION if "$.observation.data" in str(error) else DECISIONS
            self._findings.wrong(check, _without_preface(str(error)), line)
            return None
        if decision.decision_type != "choose_action":
            shown = decision.decision_type[:40]
            self._findings.wrong(
                DECISIONS, f'decision_type is "{shown}": generic decisions have one type', line
            )
        self._findings.passed(DECISIONS)
        if self._keeps_form(decision, line):
            self._check_numbers(decision, line)
        return decision if decision.actions else None

    def result(self, result: GameResult, returns: GameReturns | None, line: Line) -> None:
        """Judge how a game ended."""
        self._findings.passed(RESULT)
        winner = 0
        if result.winner is not None:
            found = _WINNER.match(result.winner)
            if found is None:
                self._findings.wrong(
                    RESULT,
                    f'the winner is "{result.winner[:40]}": its name shows no seat, so the game'
                    " counts as aborted; write Agent(1)-a or Agent(2)-a",
                    line,
                )
                return
            winner = int(found["seat"])
        self._check_returns(returns, winner, line)

    def _keeps_form(self, decision: GenericDecision, line: Line) -> bool:
        form = _form_of(decision)
        if self._held is None:
            if self._reader is None and not self._hold(form, line):
                return False
            self._held = form
        if self._given is not None and form.shape != self._given.observation:
            self._findings.wrong(
                SCHEMA,
                f"observation.shape is {list(form.shape)},"
                f" that of the file {list(self._given.observation)}",
                line,
            )
            return False
        differing = [
            f"{name} is {now}, that of the first decision {before}"
            for name, now, before in (
                ("observation.shape", list(form.shape), list(self._held.shape)),
                ("observation.dtype", form.dtype[:40], self._held.dtype[:40]),
                ("the number of features of an action", form.width, self._held.width),
            )
            if now != before and (decision.actions or not name.startswith("the number"))
        ]
        for problem in differing:
            self._findings.wrong(SCHEMA, problem, line)
        self._findings.passed(SCHEMA)
        return not differing

    def _hold(self, form: _Form, line: Line) -> bool:
        """Take the first decision's form for that of all."""
        actions = Features(form.width) if form.width else Vocabulary(LARGEST_VOCABULARY)
        plain = {"name": _OBSERVED_NAME, "version": "1", "observation": form.shape}
        try:
            spec = msgspec.convert(
                {**plain, "actions": msgspec.to_builtins(actions)}, EnvironmentSpec
            )
            self._reader = QuestionReader(spec)
        except msgspec.ValidationError as error:
            self._findings.wrong(
                OBSERVATION, f"observation.shape {list(form.shape)} is no shape: {error}", line
            )
            return False
        return True

    def _check_numbers(self, decision: GenericDecision, line: Line) -> None:
        assert self._reader is not None
        try:
            self._reader.question(decision)
        except DecisionError as error:
            check = ACTIONS if str(error).startswith("actions") else OBSERVATION
            self._findings.wrong(check, str(error), line)
            return
        self._findings.passed(OBSERVATION, ACTIONS)
        largest = max(action.index for action in decision.actions)
        self._largest_index = max(self._largest_index, largest)

    def _check_returns(self, returns: GameReturns | None, winner: int, line: Line) -> None:
        if self._has_returns not in {None, returns is not None}:
            here, earlier = ("no ", "") if returns is None else ("", " none")
            problem = f"this game has {here}GAME_RETURNS, the game before had{earlier}"
            self._findings.wrong(RESULT, problem, line)
        self._has_returns = returns is not None
        if returns is None:
            return
        pair = (returns.first, returns.second)
        largest = max(map(abs, pair))
        if self._given is not None and largest > self._given.reward_bound:
            self._findings.wrong(
                RESULT,
                f"GAME_RETURNS {pair[0]:g} {pair[1]:g} is beyond the file's rewardBound of"
                f" {self._given.reward_bound:g}: actors drop the game",
                line,
            )
        self._largest_return = max(self._largest_return, largest)
        if winner and pair[winner - 1] < pair[2 - winner]:
            self._findings.wrong(
                RESULT,
                f"seat {winner} won and returns {pair[winner - 1]:g}, less than the other's"
                f" {pair[2 - winner]:g}",
                line,
            )


def _form_of(decision: GenericDecision) -> _Form:
    seen = decision.observation
    width = len(decision.actions[0].features) if decision.actions else 0
    return _Form(seen.shape, seen.dtype, width)


def _without_preface(text: str) -> str:
    return text.removeprefix("a DECISION line is no generic decision: ")


def block_of(spec: EnvironmentSpec) -> dict[str, Any]:
    """Return ``spec.environment`` of a TrainingRun that plays in this environment."""
    actions = (
        {"features": {"width": spec.actions.width}}
        if isinstance(spec.actions, Features)
        else {"vocabulary": {"size": spec.actions.size}}
    )
    engine: dict[str, Any] = {
        "name": spec.name,
        "version": spec.version,
        "observation": list(spec.observation),
        "actions": actions,
    }
    if spec.reward_bound != 1:
        engine["rewardBound"] = spec.reward_bound
    return {"spec": {"environment": {"engine": engine}}}
