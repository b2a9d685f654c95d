"""The words of the status of leagues and tournaments, as ``conditions`` has those of runs."""

from __future__ import annotations

from trainingrun_api.conditions import Word


class LeagueConditionType(Word):
    """The conditions of a League or a Tournament."""

    READY = "Ready", "Of a league: all its services serve; it may change to and fro."
    COMPLETE = "Complete", "Of a tournament: all its matches are played. Once True it stays."
    FAILED = "Failed", "Of a tournament: it cannot be played; the message says why."
    DEGRADED = "Degraded", "Something needs a person; the message says what."


class LeagueReason(Word):
    """Reasons of these conditions."""

    STARTING = "Starting", "The league is being started."
    MIGRATION_FAILED = (
        "MigrationFailed",
        "The tables of the database could not be brought to this version; the message says why.",
    )
    SECRET_MISSING = (
        "SecretMissing",
        "A Secret that the League names does not exist or lacks an entry; the message says which.",
    )
    SERVICES_MISSING = "ServicesMissing", "A service that served does not."
    NO_REPORT = "NoReport", "The pods of the league serve, and it does not say how it is."
    ALL_SERVICES_SERVE = "AllServicesServe", "All services of the league serve."
    LEAGUE_NOT_READY = "LeagueNotReady", "The league of a tournament gives no answer; it waits."
    PLAYING = "Playing", "Matches of the tournament are played."
    PLAYED = "Played", "All matches of the tournament are played."
    TOURNAMENT_FAILED = (
        "TournamentFailed",
        "The league refuses the tournament, or has given it up; the message has its words.",
    )
    NOT_FAILED = "NotFailed", "The tournament has not failed."


class LeagueEventReason(Word):
    """Reasons of the events of a League or a Tournament."""

    LEAGUE_SERVES = "LeagueServes", "All services of the league serve."
    SECRET_MISSING = (
        "SecretMissing",
        "Pods wait for a Secret that the League names; the message says what to create.",
    )
    SECRET_FOUND = "SecretFound", "All Secrets that the League names are there again."
    PROMOTED = "Promoted", "The league has another champion."
    TOURNAMENT_BEGUN = (
        "TournamentBegun",
        "The league has taken the tournament; its matches are open.",
    )
    TOURNAMENT_COMPLETE = "TournamentComplete", "All matches are played; the message says who won."
    TOURNAMENT_FAILED = "TournamentFailed", "The tournament cannot be played; the message says why."
