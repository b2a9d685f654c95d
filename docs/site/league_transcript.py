"""Call each method of the league's services from outside, and write what was said to a page.

    python -m docs.site.league_transcript [--folder FOLDER]

It brings up a league of its own (`trainingrun league up`, with TLS and tokens), calls it with
`buf curl`, which knows nothing of this project but what reflection tells it, and writes
docs/reference/league-rpc-transcript.md. ``--folder`` takes a league that is up and new. Ids, ports,
hashes and times differ each time: no check compares the page; a test says whether it has every
method. No worker plays: what a worker would say is said here.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import grpc
import numpy as np
from safetensors.numpy import save
from trainingrun.local.league_folder import LeagueFolder
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

PAGE: Final = Path("docs/reference/league-rpc-transcript.md")
ENVIRONMENT: Final = "connect_four"
INTRODUCTION: Final = """# Every method of a league, called

What `python -m docs.site.league_transcript` saw of a league that `trainingrun league up` had begun:
each method of the five services, called over TLS with `buf curl` by reflection, with a success and
the main refusals. grpcurl takes the same requests. Long values are shortened; what is after `#` is
the status. `services`, `anna` and `ben` are tokens: of the league's own programs, and of two
players; reflection is open to the former alone.

<!-- not run: needs a league; docs/site/league_transcript.py makes these calls -->
```sh
buf curl --protocol grpc --cacert ca.crt -H "authorization: Bearer $TOKEN" \\
  --reflect-header "authorization: Bearer $SERVICES" \\
  -d REQUEST https://HOST:PORT/trainingrun.league.v1.SERVICE/METHOD
```

"""
_BIN: Final = Path(sys.executable).parent
_CODES: Final = [code.name for code in sorted(grpc.StatusCode, key=lambda code: code.value[0])]
_WIDTH: Final = 42
_MOST_LINE: Final = 600
_MOST_ROWS: Final = 3
_FOLLOW_SECONDS: Final = 3

Seen = dict[str, Any]
Request = Mapping[str, Any] | list[Mapping[str, Any]]


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        method: ``Elo.GetEloRating``.
        request: of what was seen before.
        note: what it shows.
        code: the status that is expected.
        who: whose token.
        keep: name under which the answer is seen by later requests.
        follows: the stream has no end: it is left after some seconds.
    """

    method: str
    request: Callable[[Seen], Request]
    note: str
    code: str = "OK"
    who: str = "services"
    keep: str = ""
    follows: bool = False


@dataclass
class Caller:
    """Calls a league, and keeps what it saw."""

    folder: LeagueFolder
    seen: Seen = field(default_factory=dict)

    def call(self, call: Call) -> tuple[Request, list[Any]]:
        """Return the request and the answers; of a refusal its message.

        Raises:
            SystemExit: the status is another one than is expected.
        """
        service, _, method = call.method.partition(".")
        ready = self.folder.read_ready()
        assert ready is not None, "it was up"
        where = f"https://{ready.services[service.lower()]}"
        request = call.request(self.seen)
        said = request if isinstance(request, list) else [request]
        bearer = self._tokens()
        header = [f"--header=authorization: Bearer {bearer[call.who]}"] if call.who else []
        done = subprocess.run(
            [
                *(
                    str(_BIN / "buf"),
                    "curl",
                    "--protocol=grpc",
                    f"--cacert={self.folder.authority}",
                ),
                *(f"--reflect-header=authorization: Bearer {bearer['services']}", *header),
                *([f"--timeout={_FOLLOW_SECONDS}s"] if call.follows else []),
                *("--data=@-", f"{where}/trainingrun.league.v1.{service}Service/{method}"),
            ],
            input="\n".join(json.dumps(each) for each in said),
            capture_output=True,
            text=True,
            check=False,
        )
        code = _CODES[done.returncode >> 3] if done.returncode >= 8 else "OK"
        answers = list(_documents(done.stdout))
        if call.follows and answers and code == "DEADLINE_EXCEEDED":
            code = "OK"
        if code != call.code or (0 < done.returncode < 8 and not (call.follows and answers)):
            raise SystemExit(f"{call.method} {said}: {code}, {done.stdout}{done.stderr}")
        if call.keep:
            self.seen[call.keep] = answers[0]
        if code != "OK":
            answers = [json.loads(done.stderr)["message"]]
        return request, answers

    def _tokens(self) -> dict[str, str]:
        if "tokens" not in self.seen:
            self.seen["tokens"] = {
                "services": self.folder.token.read_text().strip(),
                **{name: self._issued(f"person/{name}") for name in ("anna", "ben")},
            }
        found: dict[str, str] = self.seen["tokens"]
        return found

    def _issued(self, subject: str) -> str:
        command = [sys.executable, "-m", "trainingrun_league", "token", "--audience", "players"]
        names = [
            "--subject",
            subject,
            "--name",
            self.folder.name,
            "--folder",
            str(self.folder.root),
        ]
        done = subprocess.run([*command, *names], capture_output=True, text=True, check=True)
        return str(done.stdout).strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Call everything and write the page."""
    parser = argparse.ArgumentParser(description="Call each method of a league.")
    parser.add_argument("--folder", type=Path, help="of a league that is up, and has no model yet")
    options = parser.parse_args(arguments)
    if options.folder is not None:
        PAGE.write_text(page(Caller(LeagueFolder(options.folder.resolve()))))
        return 0
    with TemporaryDirectory() as state:
        league = [str(_BIN / "trainingrun"), "league"]
        where = ["--state", state]
        up = ["up", "--environment", ENVIRONMENT, "--workers", "0", "-o", "json", *where]
        made = subprocess.run([*league, *up], stdout=subprocess.PIPE, check=True)
        try:
            PAGE.write_text(page(Caller(LeagueFolder(Path(json.loads(made.stdout)["folder"])))))
        finally:
            subprocess.run([*league, "down", *where], check=True)
    return 0


def page(caller: Caller) -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for service, calls in CALLS.items():
        parts.append(f"## {service}Service\n\n```text\n")
        for call in calls:
            request, answers = caller.call(call)
            parts += [f"{line}\n" for line in _lines(call, request, answers)]
        parts.append("```\n\n")
    return "".join(parts).rstrip("\n") + "\n"


def _lines(call: Call, request: Request, answers: list[Any]) -> Iterator[str]:
    said = request if isinstance(request, list) else [request]
    yield f"# {call.note}"
    yield f"{call.who or 'nobody'}> {call.method} {' '.join(_short(each) for each in said)}"
    if call.code != "OK":
        yield f"{answers[0]}    # {call.code}"
    for each in answers[:_MOST_ROWS] if call.code == "OK" else ():
        yield _short(each)
    if len(answers) > _MOST_ROWS:
        yield f"… {len(answers)} messages"
    yield ""


def _short(value: Any) -> str:
    text = json.dumps(_cut(value), ensure_ascii=False)
    return text if len(text) <= _MOST_LINE else text[:_MOST_LINE] + " …"


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value)} in all"] if len(value) > _MOST_ROWS else []
        return [_cut(each) for each in value[:_MOST_ROWS]] + more
    if isinstance(value, str) and len(value) > _WIDTH:
        return value[: _WIDTH // 2] + " …"
    return value


def _documents(text: str) -> Iterator[Any]:
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        found, end = decoder.raw_decode(rest)
        yield found
        rest = rest[end:].strip()


def _policy(number: int, **header: Any) -> list[Mapping[str, Any]]:
    schema = spec_of(config_of(ENVIRONMENT)).schema_hash
    tensors = {"a": np.full(4, number, np.float32)}
    blob = save(tensors, metadata={"schema_hash": schema})
    said = {
        "idempotency_key": f"publish-{number}",
        "lineage": "team/a",
        "version": number,
        "sha256": hashlib.sha256(blob).hexdigest(),
        "size_bytes": len(blob),
        "schema_hash": schema,
        "algorithm": "ppo",
    }
    return [{"header": {**said, **header}}, {"chunk": base64.b64encode(blob).decode()}]


def _sound(seen: Seen, name: str) -> Mapping[str, Any]:
    found = {"loads": True, "is_finite": True, "games": 4, "decisions_per_second": 250}
    return {
        "idempotency_key": f"valid-{name}",
        "id": seen[name]["model"]["id"],
        "validation": found,
    }


def _item(text: str, priority: float) -> Mapping[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"data": data, "experiences": 8, "priority": priority}


def _result(match: str, wins: int, losses: int) -> Mapping[str, Any]:
    score = {"wins": wins, "losses": losses}
    players = {"first": "model/x", "second": "builtin/random"}
    return {"match_id": match, **players, "score": score, "purpose": "MATCH_PURPOSE_RATING"}


def _record(sequence: int) -> Mapping[str, Any]:
    return {"source": "actor-0", "sequence": sequence, "items": [_item("a", 1), _item("b", 4)]}


def _game(seen: Seen) -> str:
    return str(seen["game"]["gameId"])


def _move(seen: Seen, *, turn: int, key: str, seat: int, action: int = 3) -> Mapping[str, Any]:
    return {
        "idempotency_key": key,
        "game_id": _game(seen),
        "seat_token": seen["game"]["seatTokens"][seat - 1],
        "expected_turn": turn,
        "action": action,
    }


def _join(seen: Seen, *, seat: int, player: str) -> Mapping[str, Any]:
    token = seen["game"]["seatTokens"][seat - 1]
    return {"game_id": _game(seen), "player_id": player, "seat_token": token}


def _find(player: str, seconds: int = 0, **said: Any) -> Mapping[str, Any]:
    wait = {"wait": f"{seconds}s"}
    return {"idempotency_key": player, "player_id": player, "mode": 1, **wait, **said}


def _report(seen: Seen, games: int) -> Mapping[str, Any]:
    match = seen["lease"]["match"]
    played = [{"outcome": 1, "moves": 9, "seed": number} for number in range(games)]
    said = {"idempotency_key": match["matchId"], "match_id": match["matchId"], "worker": "w"}
    return {**said, "games": played}


def _pairs(seen: Seen) -> int:
    return int(seen["lease"]["match"]["pairs"])


_COLUMN: Final = [{"number": number} for number in (0, 1, 0, 1, 0, 1, 0)]

CALLS: Final[Mapping[str, Sequence[Call]]] = {
    "Model": (
        Call("Model.PublishPolicy", lambda _: _policy(1), "publish a model", keep="one"),
        Call("Model.PublishPolicy", lambda _: _policy(1), "the same again: it is there already"),
        Call(
            "Model.PublishPolicy",
            lambda _: _policy(3, idempotency_key="publish-1"),
            "a key of another publication",
            "ALREADY_EXISTS",
        ),
        Call(
            "Model.PublishPolicy",
            lambda _: _policy(4, sha256="0" * 64),
            "bytes that are not those of the hash",
            "DATA_LOSS",
        ),
        Call(
            "Model.PublishPolicy",
            lambda _: _policy(4, schema_hash="another"),
            "a model of another environment",
            "INVALID_ARGUMENT",
        ),
        Call("Model.PublishPolicy", lambda _: _policy(5), "no token", "UNAUTHENTICATED", ""),
        Call("Model.PublishPolicy", lambda _: _policy(5), "a player", "PERMISSION_DENIED", "anna"),
        Call(
            "Model.PromoteModel",
            lambda seen: {"idempotency_key": "p", "id": seen["one"]["model"]["id"], "by": "me"},
            "a model that nobody has validated",
            "FAILED_PRECONDITION",
        ),
        Call(
            "Model.ReportValidation",
            lambda seen: _sound(seen, "one"),
            "validated: the first one is the champion",
        ),
        Call("Model.PublishPolicy", lambda _: _policy(2), "a second model", keep="two"),
        Call("Model.ReportValidation", lambda seen: _sound(seen, "two"), "it waits for the gate"),
        Call(
            "Model.ReportEvaluation",
            lambda seen: {
                "idempotency_key": "gate-2",
                "id": seen["two"]["model"]["id"],
                "champion_id": seen["one"]["model"]["id"],
                "score": {"wins": 30, "losses": 10},
                "promote": True,
                "reason": "30 of 40 games",
            },
            "the gate promotes it",
        ),
        Call(
            "Model.RollbackModel",
            lambda _: {"idempotency_key": "r", "by": "me", "reason": "a trial"},
            "back to the first",
        ),
        Call(
            "Model.RollbackModel",
            lambda _: {"idempotency_key": "r2", "by": "me"},
            "there is no champion before the first",
            "FAILED_PRECONDITION",
        ),
        Call(
            "Model.PromoteModel",
            lambda seen: {
                "idempotency_key": "p2",
                "id": seen["two"]["model"]["id"],
                "by": "me",
                "reason": "I know",
            },
            "promoted by a person",
        ),
        Call(
            "Model.GetModel",
            lambda seen: {"id": seen["two"]["model"]["id"]},
            "its history",
            who="anna",
        ),
        Call("Model.GetModel", lambda _: {"id": "m99"}, "an unknown id", "NOT_FOUND"),
        Call("Model.ListModels", lambda _: {"page_size": 2}, "the newest first"),
        Call(
            "Model.ListModels",
            lambda _: {"page_size": 9999},
            "too many at once",
            "INVALID_ARGUMENT",
        ),
        Call("Model.GetPolicy", lambda _: {"champion": True}, "download the champion"),
        Call(
            "Model.GetPolicy",
            lambda seen: {"champion": True, "have_sha256": seen["two"]["model"]["sha256"]},
            "nothing new: the header alone",
        ),
        Call("Model.GetPolicy", lambda _: {"model_id": "m99"}, "an unknown id", "NOT_FOUND"),
        Call(
            "Model.WatchPolicy",
            lambda _: {"champion_only": True},
            "what is there, then each change",
            follows=True,
        ),
    ),
    "Elo": (
        Call(
            "Elo.RegisterPolicy",
            lambda _: {"idempotency_key": "1", "player_id": "model/x", "kind": 1, "name": "x"},
            "known before it plays",
        ),
        Call(
            "Elo.RegisterPolicy",
            lambda _: {"idempotency_key": "1", "player_id": "model/y", "kind": 1, "name": "y"},
            "a key of another registration",
            "ALREADY_EXISTS",
        ),
        Call(
            "Elo.UpdateEloRatings", lambda _: {"results": [_result("a", 6, 2)]}, "a match is rated"
        ),
        Call(
            "Elo.UpdateEloRatings",
            lambda _: {"results": [_result("a", 6, 2)]},
            "the same match: nothing twice",
        ),
        Call(
            "Elo.UpdateEloRatings",
            lambda _: {"results": [_result("b", 0, 0)]},
            "no game in it",
            "INVALID_ARGUMENT",
        ),
        Call(
            "Elo.UpdateEloRatings",
            lambda _: {"results": []},
            "of a player's token",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call("Elo.GetEloRating", lambda _: {"player_id": "model/x"}, "a rating", who="anna"),
        Call("Elo.GetEloRating", lambda _: {"player_id": "model/none"}, "nobody", "NOT_FOUND"),
        Call("Elo.GetRankedPolicies", lambda _: {"page_size": 2}, "the ladder", who="anna"),
        Call(
            "Elo.GetRankedPolicies",
            lambda _: {"page_token": "x"},
            "a token of no page",
            "INVALID_ARGUMENT",
        ),
        Call(
            "Elo.GetPayoffMatrix",
            lambda _: {"players": ["model/x", "builtin/random"]},
            "who beats whom",
        ),
        Call("Elo.GetPayoffMatrix", lambda _: {"players": ["model/none"]}, "nobody", "NOT_FOUND"),
        Call("Elo.ListResults", lambda _: {"page_size": 2}, "matches that were rated"),
    ),
    "Game": (
        Call(
            "Game.CreateGame",
            lambda _: {
                "idempotency_key": "g",
                "match_id": "mine",
                "purpose": 5,
                "players": ["person/anna", "person/ben"],
                "seed": 1,
            },
            "a game of two people",
            keep="game",
        ),
        Call("Game.CreateGame", lambda _: {"players": ["", ""]}, "no key", "INVALID_ARGUMENT"),
        Call(
            "Game.JoinGame",
            lambda seen: _join(seen, seat=1, player="person/anna"),
            "take a seat",
            who="anna",
        ),
        Call(
            "Game.JoinGame",
            lambda seen: _join(seen, seat=2, player="person/ben"),
            "as somebody else",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call(
            "Game.JoinGame",
            lambda seen: _join(seen, seat=2, player="person/ben"),
            "the other seat",
            who="ben",
        ),
        Call(
            "Game.SubmitAction",
            lambda seen: _move(seen, turn=0, key="a1", seat=1),
            "a move",
            who="anna",
        ),
        Call(
            "Game.SubmitAction",
            lambda seen: _move(seen, turn=0, key="a1", seat=1),
            "the same again: the same answer",
            who="anna",
        ),
        Call(
            "Game.SubmitAction",
            lambda seen: _move(seen, turn=0, key="b1", seat=2),
            "for a turn that is over",
            "FAILED_PRECONDITION",
            "ben",
        ),
        Call(
            "Game.SubmitAction",
            lambda seen: _move(seen, turn=1, key="a2", seat=1),
            "not one's turn",
            "FAILED_PRECONDITION",
            "anna",
        ),
        Call(
            "Game.SubmitAction",
            lambda seen: _move(seen, turn=1, key="b2", seat=2, action=99),
            "not legal",
            "INVALID_ARGUMENT",
            "ben",
        ),
        Call("Game.GetGameState", lambda seen: {"game_id": _game(seen)}, "as somebody who watches"),
        Call("Game.GetGameState", lambda _: {"game_id": "none"}, "no such game", "NOT_FOUND"),
        Call(
            "Game.StreamGame",
            lambda seen: {"game_id": _game(seen)},
            "the state now, then each turn",
            who="ben",
            follows=True,
        ),
        Call("Game.GetReplay", lambda seen: {"game_id": _game(seen)}, "what was played so far"),
        Call("Game.ListGames", lambda _: {"page_size": 1}, "the newest"),
        Call(
            "Game.RecordGames",
            lambda _: {
                "idempotency_key": "k",
                "games": [
                    {"players": ["model/x", "builtin/random"], "seed": 1, "actions": _COLUMN}
                ],
            },
            "a game that a worker played itself",
        ),
        Call(
            "Game.RecordGames",
            lambda _: {
                "idempotency_key": "k2",
                "games": [
                    {"players": ["model/x", "builtin/random"], "seed": 1, "actions": _COLUMN[:3]}
                ],
            },
            "one that is not over",
            "INVALID_ARGUMENT",
        ),
        Call(
            "Game.DeleteGame",
            lambda seen: {"game_id": _game(seen)},
            "a player may not",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call("Game.DeleteGame", lambda seen: {"game_id": _game(seen)}, "delete it"),
    ),
    "Matchmaker": (
        Call(
            "Matchmaker.FindMatch",
            lambda _: _find("person/anna"),
            "join the queue",
            who="anna",
            keep="ticket",
        ),
        Call(
            "Matchmaker.FindMatch",
            lambda _: _find("person/ben"),
            "in another's name",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call(
            "Matchmaker.FindMatch",
            lambda _: _find("person/anna", 99),
            "a wait that is too long",
            "INVALID_ARGUMENT",
            "anna",
        ),
        Call(
            "Matchmaker.FindMatch",
            lambda _: _find("person/anna", ticket="0" * 40),
            "a ticket of nobody",
            "NOT_FOUND",
            "anna",
        ),
        Call(
            "Matchmaker.CancelMatch",
            lambda seen: {"ticket": seen["ticket"]["ticket"]},
            "leave the queue",
            who="anna",
        ),
        Call("Matchmaker.FindMatch", lambda _: _find("person/anna"), "again", who="anna"),
        Call(
            "Matchmaker.FindMatch",
            lambda _: _find("person/ben", 30),
            "the second one: both are seated",
            who="ben",
        ),
        Call("Matchmaker.GetQueueStats", lambda _: {}, "the queue", who="anna"),
        Call(
            "Matchmaker.CreateTournament",
            lambda _: {
                "idempotency_key": "t",
                "name": "cup",
                "format": 1,
                "entrants": ["champion", "builtin/random"],
                "pairs_per_match": 1,
            },
            "a tournament",
            keep="cup",
        ),
        Call(
            "Matchmaker.CreateTournament",
            lambda _: {
                "idempotency_key": "t2",
                "name": "cup",
                "format": 1,
                "entrants": ["champion"],
            },
            "of one entrant",
            "INVALID_ARGUMENT",
        ),
        Call(
            "Matchmaker.LeaseMatch",
            lambda _: {"worker": "w", "purposes": [4]},
            "a worker leases a match",
            keep="lease",
        ),
        Call(
            "Matchmaker.LeaseMatch", lambda _: {"worker": ""}, "without a name", "INVALID_ARGUMENT"
        ),
        Call(
            "Matchmaker.LeaseMatch",
            lambda _: {"worker": "w"},
            "of a player's token",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call(
            "Matchmaker.ReturnWork",
            lambda seen: {"worker": "w", "match_id": seen["lease"]["match"]["matchId"]},
            "the worker ends: somebody else gets it at once",
        ),
        Call(
            "Matchmaker.LeaseMatch",
            lambda _: {"worker": "w", "purposes": [4]},
            "leased again",
            keep="lease",
        ),
        Call(
            "Matchmaker.KeepSeats",
            lambda _: {"worker": "w", "match_ids": ["none"]},
            "a seat that it does not have",
        ),
        Call(
            "Matchmaker.ReportResult",
            lambda seen: _report(seen, 1),
            "half of its games",
            "INVALID_ARGUMENT",
        ),
        Call("Matchmaker.ReportResult", lambda seen: _report(seen, 2 * _pairs(seen)), "its games"),
        Call(
            "Matchmaker.ReportResult",
            lambda seen: _report(seen, 2 * _pairs(seen)),
            "the same report again",
        ),
        Call(
            "Matchmaker.GetTournament",
            lambda seen: {"id": seen["cup"]["tournament"]["id"]},
            "its standings",
            who="anna",
        ),
        Call(
            "Matchmaker.GetTournament", lambda _: {"id": "none"}, "no such tournament", "NOT_FOUND"
        ),
        Call("Matchmaker.ListTournaments", lambda _: {"page_size": 1}, "the newest", who="anna"),
        Call(
            "Matchmaker.FindTournamentMatch",
            lambda seen: {
                "idempotency_key": "f",
                "tournament_id": seen["cup"]["tournament"]["id"],
                "player_id": "person/anna",
            },
            "somebody who is not in it",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call(
            "Matchmaker.CreateTournament",
            lambda _: {
                "idempotency_key": "t3",
                "name": "people",
                "format": 2,
                "entrants": ["person/anna", "person/ben"],
            },
            "a tournament of people",
            keep="people",
        ),
        Call(
            "Matchmaker.FindTournamentMatch",
            lambda seen: {
                "idempotency_key": "f2",
                "tournament_id": seen["people"]["tournament"]["id"],
                "player_id": "person/anna",
                "wait": "30s",
            },
            "an entrant gets a seat",
            who="anna",
        ),
    ),
    "Replay": (
        Call(
            "Replay.OpenTable",
            lambda _: {"table": "exploiter", "settings": {"samples_per_insert": 4}},
            "a table of its own",
        ),
        Call("Replay.RecordExperience", lambda _: _record(1), "durable when it answers"),
        Call("Replay.RecordExperience", lambda _: _record(1), "the same batch: recorded once"),
        Call(
            "Replay.RecordExperience",
            lambda _: {**_record(2), "items": []},
            "nothing in it",
            "INVALID_ARGUMENT",
        ),
        Call(
            "Replay.RecordExperience",
            lambda _: _record(2),
            "of a player's token",
            "PERMISSION_DENIED",
            "anna",
        ),
        Call(
            "Replay.StreamExperience",
            lambda _: [{"batch": _record(2)}, {"batch": _record(3)}],
            "many batches",
        ),
        Call(
            "Replay.GetExperienceBatch",
            lambda _: {"size": 2, "sampling": "SAMPLING_PRIORITISED", "beta": 0.4, "reader": "r"},
            "sampled by priority, with importance weights",
            keep="batch",
        ),
        Call("Replay.GetExperienceBatch", lambda _: {"size": 0}, "none", "INVALID_ARGUMENT"),
        Call(
            "Replay.StreamExperienceBatches",
            lambda _: {"request": {"size": 1, "sampling": 1, "wait": "1s", "reader": "r"}},
            "batch after batch",
            follows=True,
        ),
        Call(
            "Replay.UpdatePriorities",
            lambda seen: {
                "idempotency_key": "u",
                "ids": [seen["batch"]["items"][0].get("id", "0"), "999"],
                "priorities": [2, 2],
            },
            "one item is known",
        ),
        Call(
            "Replay.UpdatePriorities",
            lambda _: {"ids": [1, 2], "priorities": [1]},
            "a priority is missing",
            "INVALID_ARGUMENT",
        ),
        Call("Replay.GetStats", lambda _: {}, "what it holds"),
        Call("Replay.ListTables", lambda _: {}, "the tables that have a name"),
        Call(
            "Replay.MarkTables",
            lambda _: {"keeper": "operator", "ended": ["exploiter"]},
            "whose runs are over: none that it did not know",
        ),
        Call(
            "Replay.DropTable",
            lambda _: {"idempotency_key": "d", "table": "exploiter"},
            "it was opened a moment ago",
            "FAILED_PRECONDITION",
        ),
        Call(
            "Replay.DropTable",
            lambda _: {"idempotency_key": "e", "table": "exploiter", "force": True},
            "gone when it answers",
        ),
    ),
}


if __name__ == "__main__":
    sys.exit(main())
