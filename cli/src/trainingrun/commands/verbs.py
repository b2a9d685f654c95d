"""The words of the command ``trainingrun``: every verb, what it does, and the module that has it.

The help of the command and the completion of its words read this table alone, so that they answer
before a second has gone into imports; a test holds it against the verbs.
"""

from __future__ import annotations

from typing import Final

from trainingrun.commands.grammar import Entry, Panel

_HERE: Final = "trainingrun.commands"


def _entry(panel: Panel, name: str, summary: str, *adders: str, group: str = "") -> Entry:
    paths = tuple(f"{_HERE}.{each}" for each in adders)
    return Entry(name, panel, summary, paths, group=f"{_HERE}.{group}" if group else "")


def _of_daemon(panel: Panel, name: str, summary: str) -> Entry:
    """A verb that knows the card game: it comes with the reference engine."""
    return Entry(name, panel, summary, provider="trainingrun-daemon[cli]")


def _of_actor(panel: Panel, name: str, summary: str) -> Entry:
    """A verb that searches games: it comes with those who play."""
    return Entry(name, panel, summary, provider="trainingrun-actor[cli]")


ENTRIES: Final = (
    _entry(
        Panel.PREPARE,
        "init",
        "Write a project with a game of your own: rules, tests, a training, an image.",
        "starting.verb:add_starting",
    ),
    _entry(
        Panel.PREPARE,
        "validate",
        "Check a TrainingRun and its decks, a League or a Tournament: name every wrong field.",
        "preparing:add_preparing",
    ),
    _entry(
        Panel.PREPARE,
        "render",
        "Print the manifests that the operator would make of a TrainingRun.",
        "preparing:add_preparing",
    ),
    _entry(
        Panel.PREPARE,
        "plan",
        "Estimate what a run takes: daemons, machines, games an hour, days and money.",
        "plan.options:add_plan",
    ),
    _entry(
        Panel.TRAIN,
        "local",
        "Train on this machine: the same TrainingRun as plain processes.",
        "local.verb:add_local",
    ),
    _entry(
        Panel.TRAIN,
        "submit",
        "Create a run, or change the one of that name: on a cluster, or here in the background.",
        "runs.lifecycle:add_lifecycle",
    ),
    _entry(
        Panel.TRAIN,
        "steer",
        "Steer a run whose processes somebody else starts: Docker Compose, systemd, a"
        " batch system.",
        "steer.verb:add_steering",
    ),
    _entry(
        Panel.INSPECT,
        "get",
        "List runs, a line each; with names, only those.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "list",
        "List all runs, as get without names does.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "status",
        "Show the state of a run: progress, strength, roles, and what is wrong.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "top",
        "Watch all runs, or the roles, daemons, queue and rates of one; Ctrl-C ends it.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "events",
        "Show what happened to a run, oldest first.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "logs",
        "Show what the members of a run have logged, each line with its member's name before it.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "ledger",
        "Show what became of every transition of a run.",
        "runs.inspect:add_inspect",
    ),
    _entry(
        Panel.INSPECT,
        "report",
        "Write one HTML page about a run: strength, losses, throughput, scaling, cost, events.",
        "report.verb:add_report",
    ),
    _entry(
        Panel.INSPECT,
        "describe",
        "Explain a run, or its number of daemons.",
        group="runs.inspect:describe",
    ),
    _entry(
        Panel.CHANGE,
        "suspend",
        "Save a run and release its resources; nothing is lost, and resume continues from there.",
        "runs.lifecycle:add_lifecycle",
    ),
    _entry(
        Panel.CHANGE,
        "resume",
        "Continue a suspended run from its checkpoint.",
        "runs.lifecycle:add_lifecycle",
    ),
    _entry(
        Panel.CHANGE,
        "stop",
        "Stop the process of a run on this machine: it saves first, as with Ctrl-C.",
        "runs.lifecycle:add_lifecycle",
    ),
    _entry(
        Panel.CHANGE,
        "drain",
        "Take one daemon out of a run without losing a game: it goes when its games have ended.",
        "runs.lifecycle:add_lifecycle",
    ),
    _entry(
        Panel.CHANGE,
        "delete",
        "Delete a run; its checkpoints stay.",
        "runs.lifecycle:add_lifecycle",
    ),
    _entry(
        Panel.MODELS,
        "eval",
        "Measure how strong the weights of a checkpoint are, on this machine; nothing is trained.",
        "eval.options:add_eval",
    ),
    _of_daemon(
        Panel.MODELS,
        "watch",
        "Show a game turn by turn: the newest recorded one of a local run, a file, or a live one.",
    ),
    _of_actor(
        Panel.MODELS,
        "play",
        "Play against a network, a search or chance in the terminal, or have two of them play a"
        " match.",
    ),
    _entry(
        Panel.MODELS,
        "checkpoint",
        "Checkpoints of a run: list them, verify every byte, copy one.",
        "runs.lifecycle:add_saving",
        group="checkpoint.verbs:checkpoint",
    ),
    _entry(
        Panel.LEAGUE,
        "league",
        "A league, in which models of many runs meet: bring one up here, or ask one.",
        group="league.up:league",
    ),
    _entry(
        Panel.LEAGUE,
        "models",
        "Models of a league: list, push, promote and pull them, go back to the champion before.",
        group="league.models:models",
    ),
    _entry(
        Panel.LEAGUE,
        "ratings",
        "Rank the players of a league by Elo, with the margin that holds for 95 %.",
        "league.play:add_play",
    ),
    _entry(
        Panel.LEAGUE,
        "matches",
        "List the matches that were rated, newest first.",
        "league.play:add_play",
    ),
    _entry(
        Panel.LEAGUE,
        "tournament",
        "Tournaments of a league's players: have one played, show its standings.",
        group="league.play:tournament",
    ),
    _entry(
        Panel.LEAGUE,
        "replay",
        "The league's store of experience: its tables, what they hold, and their end.",
        group="league.play:replay",
    ),
    _entry(
        Panel.ENGINE,
        "daemons",
        "Game daemons: start them on other machines, measure them, check their protocol.",
        "machines.verbs:add_verbs",
        group="daemons.verbs:daemons",
    ),
    _of_daemon(
        Panel.ENGINE,
        "decks",
        "Inspect and add decks: their cards, and whether the engine knows them.",
    ),
    _entry(
        Panel.SHELL,
        "completion",
        "Print the script that completes verbs, options, and names of runs, roles and daemons.",
        "completion:add_completion",
    ),
)
