"""Settings of the operator: values that a process is started with, the same for all its runs.

A frozen value and not a lookup of environment variables, so that decisions stay pure; the
operator's command line and the local runtime make one each.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True)
class LeagueAddress:
    """Where leagues are, if not on a cluster: there each has Services of its name.

    ``model`` is ``host:port`` of the Model service, ``replay`` that of Replay, where it is known.
    ``keeper`` says to the Replay service when a run has ended; empty: no one.
    """

    model: str
    is_encrypted: bool = True
    replay: str | None = None
    keeper: str = ""


@dataclass(frozen=True)
class Images:
    """Images of the roles where a TrainingRun names none."""

    daemon: str = "localhost/trainingrun-daemon:0.1.0"
    actor: str = "localhost/trainingrun-actor:0.1.0"
    trainer: str = "localhost/trainingrun-trainer:0.1.0"
    redis: str = "localhost/trainingrun-redis:0.1.0"
    search: str = "localhost/trainingrun-search:0.1.0"
    """An actor's, with what compiles searches."""
    league: str = "localhost/trainingrun-league:0.1.0"
    """Of a league's services."""


@dataclass(frozen=True)
class Settings:
    """What is decided the same way for every run.

    ``default_storage`` is the checkpoint URL of runs that name none, as their roles see it: a claim
    is mounted at this path on a cluster, a laptop gives a directory of its own. ``daemon_limit``
    bounds daemons below ``maxReplicas`` (the cores of a laptop). ``decks`` are the names that the
    daemon images are known to have; None when that is not known.
    """

    images: Images = Images()
    default_storage: str = "file:///checkpoints"
    default_claim: bool = True
    """Whether runs without storage get a claim at ``default_storage``'s path (clusters only)."""
    daemon_limit: int | None = None
    decks: frozenset[str] | None = None
    tapes: str | None = None
    """Folder in which roles write some games down for people; None where they share no folder."""
    checkpoint_cache: str | None = None
    """Folder in which learners keep what they send to a bucket; None where none outlives them."""
    sync: bool = False
    """Whether runs play and train in step, so that they can be repeated bit for bit."""
    actor_stop_seconds: float = 80.0
    """An actor that is terminated lets its games end for at most this time, so that a node
    that is drained costs none. A spot machine gives two minutes; what the games gave is sent, and
    the process has ended, within a minute and a half."""
    refused_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where the operator does not connect to, whatever a run names as its Redis or its daemons."""
    league: LeagueAddress | None = None
    """Of the league that runs of this machine join; None on a cluster."""
    active_interval: float = 2.0
    """Between two reconciles at a run that is under way."""
    idle_interval: float | None = None
    """The longest pause between two reconciles at a run about which nothing moves; None where no
    watch would report a change, so that all runs are reconciled every ``active_interval``."""
    settled_interval: float = 60.0
    """Between two reconciles at a run that is suspended or done."""
    drain_deadline_seconds: float = 180.0
    """Suspend and completion wait at most this time for running games."""
    flush_deadline_seconds: float = 900.0
    """A run that the operator stops by itself saves for at most this time until its members go."""
    evaluation_deadline_seconds: float = 600.0
    """Completion waits at most this time for the last evaluation."""
    recording_deadline_seconds: float = 300.0
    """And at most this time after it until it is written beside the last checkpoint; 0 where no
    program can be started for that."""
