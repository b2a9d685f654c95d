"""The verb: what a person and a program see, and what nonsense is answered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trainingrun.commands.document import read_source
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output
from trainingrun.commands.plan.document import PlanDocument
from trainingrun.commands.plan.formatting import format_hours, money, times
from trainingrun.commands.plan.price_file import shipped_text
from trainingrun.commands.plan.verb import PlanOptions, paid, plan_run
from trainingrun.commands.runs.target import Where

from testkit.planning.questions import run_of

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/guides/cost-planning.md"
LONG = ROOT / "examples/standard-ppo.yaml"


def options(**given: Any) -> PlanOptions:
    """Options about the long example, unless another file is given."""
    file = given.pop("file", LONG)
    source = None if file is None else read_source(file)
    return PlanOptions(**{"source": source, "place": Where(), **given})


def asked(capsys: pytest.CaptureFixture[str], **given: Any) -> dict[str, Any]:
    """The answer as JSON."""
    plan_run(options(output=Output.JSON, **given))
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_the_json_answer_is_the_documented_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect the schema's name, and that it can be read back as what it was written from."""
    answer = asked(capsys, baseline="forge", hours=40.0, provider="aws")
    assert answer["schema"] == "trainingrun.plan/2"
    assert msgspec.convert(answer, PlanDocument).plan.goal.hours == 40
    assert [quote["buying"] for quote in answer["plan"]["quotes"]] == ["on-demand", "spec", "spot"]


def test_every_field_is_in_the_guide() -> None:
    """Expect each name of the JSON document to stand in the guide's table, and no other."""
    _, parts = msgspec.json.schema_components([PlanDocument], ref_template="{name}")
    wanted = {name for part in parts.values() for name in part.get("properties", {})}
    section = GUIDE.read_text().partition("## JSON")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([A-Za-z_]+)`", row)}
    assert told == wanted


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_fits_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """Expect no line wider than the terminal, and the figures uncut."""
    monkeypatch.setenv("COLUMNS", str(width))
    plan_run(options(baseline="forge", provider="aws", learner_rate=20_000.0))
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= width
    assert "…" not in out
    assert "limited by" in out
    assert "daemons half" in out


def test_a_run_is_planned_from_what_it_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expect --from to measure a local run, and to plan its own spec where no file is given."""
    run = run_of(
        games={"played": 7_200, "perSecond": 1.0},
        transitions={"produced": 720_000},
        roles=[{"name": "daemon", "ready": 4}],
        startedAt="2026-01-01T00:00:00Z",
        autoscaling={
            "lastDecision": {
                "at": "2026-01-01T00:00:00Z",
                "from": 2,
                "to": 4,
                "reason": "more",
                "inputs": {"learnerCapacity": 500.0},
            }
        },
    )
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "status.json").write_text(run.model_dump_json(by_alias=True))
    place = Where(state=tmp_path)
    answer = asked(capsys, file=None, place=place, from_run="small", provider="gcp")
    assert answer["plan"]["run"] == "small"
    assert answer["plan"]["rate"]["games_per_daemon_hour"]["likely"] == 900
    assert answer["plan"]["evaluation_share"] == 0
    assert answer["plan"]["limits"][0]["transitions_per_second"] == 500
    other = asked(capsys, place=place, from_run="small", provider="gcp")
    assert other["plan"]["run"] == "standard-ppo"


def test_a_run_whose_daemons_are_gone_has_no_row_for_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expect the rate of its last scaling decision to be planned with, and no division by zero."""
    decision = {"at": "2026-01-01T00:00:00Z", "from": 2, "to": 0, "reason": "idle"}
    run = run_of(
        games={"played": 7_200},
        roles=[{"name": "daemon", "ready": 0}],
        autoscaling={"lastDecision": {**decision, "inputs": {"producedPerDaemon": 100.0}}},
    )
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "status.json").write_text(run.model_dump_json(by_alias=True))
    answer = asked(capsys, file=None, place=Where(state=tmp_path), from_run="small")
    assert answer["plan"]["here"] is None


def test_old_prices_warn_beside_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expect the plan all the same, and the sentence where a person and a program see it."""
    old = tmp_path / "old.yaml"
    old.write_text(re.sub(r"asOf: \S+", "asOf: 2020-02-03", shipped_text()))
    answer = asked(capsys, prices=old)
    assert answer["warnings"][0].startswith(f"{old}: the prices are of 2020-02-03, ")
    assert answer["prices"] == {"file": str(old), "as_of": "2020-02-03", "currency": "USD"}
    plan_run(options(prices=old))
    assert "the prices are of 2020-02-03" in " ".join(capsys.readouterr().out.split())


def test_the_spec_s_own_prices_come_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expect spec.cost in the place of providers, in its currency, unless one is named."""
    file = tmp_path / "run.yaml"
    cost = {"daemonHourly": 0.05, "learnerHourly": 0.5, "currency": "EUR"}
    file.write_text(run_of({"cost": cost}).model_dump_json(by_alias=True, exclude={"status"}))
    answer = asked(capsys, file=file)
    assert [quote["provider"] for quote in answer["plan"]["quotes"]] == ["spec.cost"]
    assert answer["prices"]["currency"] == "EUR"
    named = asked(capsys, file=file, provider="azure")
    assert {quote["provider"] for quote in named["plan"]["quotes"]} == {"azure"}
    assert named["prices"]["currency"] == "USD"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"file": None}, "nothing to plan: give a TrainingRun with -f, or a run with --from"),
        ({"hours": 1.0, "budget": 1.0}, "--hours and --budget are two goals"),
        ({"baseline": "forge", "games_per_daemon_hour": "1"}, "each say how fast daemons are"),
        ({"games_per_daemon_hour": "fast"}, "not a figure: give 3600, or LOW,LIKELY,HIGH"),
        ({"games_per_daemon_hour": "nan"}, "one figure above 0"),
        ({"baseline": "slow"}, "--baseline slow: no such baseline"),
        ({"provider": "oracle"}, "--provider oracle: it has no prices"),
        ({"daemon_machine": "m9"}, "m9: no price of this machine is known for aws"),
        ({"learner_machine": "c5.4xlarge"}, "it has 0 GPUs, spec.learner.gpus is 1"),
        ({"budget": 0.01}, "an hour of the run's machines costs"),
        ({"hours": 0.01}, "machines and images take 4 minutes before the first game"),
        ({"baseline": "forge", "hours": 18.0}, "maxReplicas is 160: allow 19.7 hours or more"),
        ({"file": Path("nowhere.yaml")}, "nowhere.yaml: no such file"),
        (
            {"file": ROOT / "examples/petting-zoo-tic-tac-toe.yaml"},
            "while it plays give that run with --from",
        ),
        (
            {
                "file": ROOT / "examples/connect-four-az.yaml",
                "hours": 0.2,
                "learner_rate": 100_000.0,
            },
            "and spec.actor.replicas is 4: allow",
        ),
        ({"prices": Path("nowhere.yaml")}, "no such file: leave --prices out"),
    ],
)
def test_nonsense_gets_a_sentence(given: dict[str, Any], said: str) -> None:
    """Expect what was wrong and the remedy, and nothing else."""
    with pytest.raises(UserError) as caught:
        plan_run(options(**given))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "player", "daemons"),
    [("connect-four-az", "selfplay", 4), ("connect-four", "actor", 1)],
)
def test_runs_whose_workers_play_are_planned(
    capsys: pytest.CaptureFixture[str], name: str, player: str, daemons: int
) -> None:
    """Expect the workers that the spec has in the place of daemons, with no actors beside them, a
    row for this machine, and the date of the measurement."""
    plan = asked(capsys, file=ROOT / f"examples/{name}.yaml")["plan"]
    assert plan["player"] == player
    assert plan["fleets"]["likely"]["daemons"] == daemons
    assert plan["fleets"]["likely"]["actors"] == 0
    assert "measured 20" in plan["rate"]["source"]
    assert plan["here"]["hours"]["low"] < plan["here"]["hours"]["likely"] < 24
    roles = [part["role"] for part in plan["quotes"][0]["bill"]["parts"]]
    assert roles[0] == player
    assert "daemon" not in roles


def test_words_are_those_of_who_plays(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect workers, and no daemon anywhere, in the plan of a run of AlphaZero."""
    plan_run(options(file=ROOT / "examples/connect-four-az.yaml"))
    out = capsys.readouterr().out
    assert "games an hour of one worker" in out
    assert "workers half as fast" in out
    assert "daemon" not in out


def test_inference_servers_are_in_the_bill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expect a machine with a GPU for each of the fewest servers, and a note about their speed."""
    file = tmp_path / "run.yaml"
    document = (ROOT / "examples/connect-four-az.yaml").read_text()
    file.write_text(document + "\n  inference: {minReplicas: 2, maxReplicas: 3, gpus: 1}\n")
    plan = asked(capsys, file=file, provider="aws")["plan"]
    (servers,) = [p for p in plan["quotes"][0]["bill"]["parts"] if p["role"] == "inference"]
    assert servers["count"] == 2
    assert any("2 inference servers are counted (up to 3" in note for note in plan["notes"])


def test_a_run_is_not_planned_from_one_that_is_played_otherwise(tmp_path: Path) -> None:
    """Expect a sentence where daemons played, and workers are planned."""
    run = run_of(games={"played": 7_200}, roles=[{"name": "daemon", "ready": 4}])
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "status.json").write_text(run.model_dump_json(by_alias=True))
    given = options(
        file=ROOT / "examples/connect-four-az.yaml", place=Where(state=tmp_path), from_run="small"
    )
    with pytest.raises(UserError, match="its daemons play, and this run's workers do"):
        plan_run(given)


def test_one_way_of_buying_at_most() -> None:
    """Expect --spot with --on-demand to be refused, and none of them to show all ways."""
    assert paid(spot=False, on_demand=False, as_spec=False).value == "all"
    assert paid(spot=True, on_demand=False, as_spec=False).value == "spot"
    with pytest.raises(UserError, match="each leave one way of buying"):
        paid(spot=True, on_demand=True, as_spec=False)


def test_one_provider_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect the price file's first provider, and every one of them for `all`."""
    answer = asked(capsys, baseline="forge")
    assert {quote["provider"] for quote in answer["plan"]["quotes"]} == {"aws"}
    answer = asked(capsys, baseline="forge", provider="all")
    assert {quote["provider"] for quote in answer["plan"]["quotes"]} == {"aws", "gcp", "azure"}


def test_this_machine_is_a_place_to_train(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect a row for it where the reference engine plays, and none for a GPU or a Forge."""
    quick = asked(capsys, file=ROOT / "examples/quickstart.yaml")["plan"]["here"]
    assert quick["hours"]["low"] < quick["hours"]["likely"] < quick["hours"]["high"] < 24
    assert asked(capsys)["plan"]["here"] is None
    assert asked(capsys, baseline="forge")["plan"]["here"] is None


def test_start_up_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect a run of one game to take as long as its machines and images."""
    plan = asked(capsys, games=1, file=ROOT / "examples/quickstart.yaml")["plan"]
    assert plan["start_hours"]["likely"] > 1 / 60
    hours = plan["quotes"][0]["hours"]
    for end in ("low", "likely", "high"):
        assert hours[end] >= plan["start_hours"][end]


@pytest.mark.parametrize(
    ("often", "words"),
    [(0.0002, "fewer than 1 in 100 runs"), (0.07, "1 in 14 runs"), (2.5, "2.5"), (120, "120")],
)
def test_interruptions_as_people_count(often: float, words: str) -> None:
    """Expect runs below one interruption, and a number above."""
    assert times(often) == words


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.01, "36 s"),
        (0.05, "3.0 min"),
        (0.5, "30 min"),
        (20.83, "20.8 h"),
        (47.9, "47.9 h"),
        (416.7, "17.4 days"),
    ],
)
def test_time_in_the_unit_that_fits(hours: float, words: str) -> None:
    """Expect minutes, hours or days, and money with cents where they matter."""
    assert format_hours(hours) == words
    assert (money(0.0), money(0.004), money(3.456), money(283.3)) == (
        "0.00",
        "<0.01",
        "3.46",
        "283",
    )
