"""The page: it says what is known and what is not, loads nothing, and cannot be broken into."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from trainingrun.commands.report.formatting import UNKNOWN
from trainingrun.commands.report.markup import data, tag, text
from trainingrun.commands.report.material import Material
from trainingrun.commands.report.page import page
from trainingrun.local.samples import Sample
from trainingrun.sdk import Event, Member

from testkit.pages.sample_report import AT, BEGAN, STATUS, make_material, make_run, make_samples

SMUGGLED = '<script>alert("x")</script><img src=x onerror=alert(1)>&"\''
VOID = {"meta", "br", "col"}


class Reader(HTMLParser):
    """Collects elements, and sees that each is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text that is shown, or a script's."""
        if self.open and self.open[-1] not in {"script", "style"}:
            self.said.append(data)

    @property
    def text(self) -> str:
        """All that is shown."""
        return " ".join(" ".join(self.said).split())


def read(content: bytes) -> Reader:
    """A page as a browser would take it apart."""
    reader = Reader()
    reader.feed(content.decode())
    assert reader.open == []
    return reader


def shown(material: Material) -> str:
    """What a page shows."""
    return read(page(material)).text


def test_everything_that_was_asked_for_is_there() -> None:
    """Expect strength, losses, throughput, queue, scaling, cost, ledger, checkpoints, events."""
    cost = {"hourly": 1.5, "spent": 3.25, "projectedTotal": 9.0, "currency": "EUR", "at": AT}
    spec = {"cost": {"daemonHourly": 0.5, "currency": "EUR", "budget": 20}}
    condition = {
        "type": "Degraded",
        "status": "True",
        "reason": "Crashing",
        "message": "daemon-0 crashes",
        "lastTransitionTime": AT,
    }
    run = make_run(spec=spec, **STATUS, cost=cost, conditions=[condition])
    said = shown(make_material(run, members=(Member("daemon", "daemon-0", True, busy=3),)))
    for part in (
        "400 of 1,000 games (40%)",
        "54% to 77%",
        "Elo above random",
        "policy loss",
        "Games per second",
        "actors pause",
        "Policy lag",
        "daemons from 1 to 2",
        "from 1 to 2 daemons, because the learner waits",
        "transitions in the queue",
        "3.25 EUR",
        "about 9.00 EUR",
        "1,000 produced = 900 trained + 60 queued + 30 dropped: stale + 10 lost",
        "The ledger closes.",
        "file:///saved/3",
        "12.3 kB",
        "daemon-0 crashes",
        "waiting for the engine 60%",
        "name: bears",
        "Win rate by decks",
        "daemon-0",
    ):
        assert part in said, part


def test_a_ledger_that_does_not_close_is_said() -> None:
    """Expect the sum that was found."""
    counted = {**STATUS["transitions"], "lost": 11}
    assert "does not close: the sum is 1,001" in shown(
        make_material(make_run(**{**STATUS, "transitions": counted}))
    )


def test_a_run_about_which_nothing_is_known() -> None:
    """Expect sentences and dashes, no drawing, and no zero that no one has measured."""
    empty = make_material(make_run(), samples=(), strengths=(), checkpoints=(), events=())
    content = read(page(empty))
    assert not any(name == "path" for name, _ in content.seen)
    for part in (
        "no evaluation has ended yet",
        "no update was made yet",
        "nothing was sampled yet",
        "spec.cost names no prices",
        "Nothing was produced yet.",
        "No checkpoint is known yet.",
        "No events are on record.",
        "None runs now.",
        f"Elo {UNKNOWN}",
        f"games/s {UNKNOWN}",
    ):
        assert part in content.text, part


def test_a_cluster_tells_less_and_the_page_says_so() -> None:
    """Expect each gap to be named with its reason, and the newest evaluation as a point."""
    there = make_material(is_local=False, samples=(), place="cluster, namespace training")
    said = shown(there)
    assert "Losses, policy lag and waits are not in it" in said
    assert "--follow draws what it sees from then on" in said
    assert "a cluster keeps events for an hour" in said
    assert "A cluster has the newest checkpoint only." in said
    assert "when this page began to follow it" not in said
    followed = replace(
        there, samples=tuple(make_samples(5)), followed_since=datetime.fromtimestamp(BEGAN, UTC)
    )
    assert "Curves begin at 2026-01-01 00:00:00 UTC" in shown(followed).replace("\xa0", " ")


def test_text_stays_text() -> None:
    """Expect markup in names, messages, opponents, losses and addresses to be shown, not obeyed."""
    event = Event(datetime.fromtimestamp(BEGAN, UTC), "ScaledUp", SMUGGLED, warning=True)
    member = Member("daemon", SMUGGLED, ready=False, problem=SMUGGLED)
    status = {
        **STATUS,
        "summary": SMUGGLED,
        "checkpoint": {**STATUS["checkpoint"], "uri": SMUGGLED},
    }
    run = make_run(**status)
    run = run.model_copy(update={"metadata": run.metadata.model_copy(update={"name": SMUGGLED})})
    base = make_material(run)
    samples = [Sample(at=BEGAN + n, elapsed=n, updates=n, losses={SMUGGLED: 1.0}) for n in (1, 2)]
    content = page(
        replace(
            base,
            place=SMUGGLED,
            events=(event,),
            members=(member,),
            samples=tuple(samples),
            strengths=tuple(replace(each, opponent=SMUGGLED) for each in base.strengths),
        )
    )
    found = read(content)
    assert b"<script>alert" not in content
    assert not any(name == "img" for name, _ in found.seen)
    assert not any(key.startswith("on") for _, attributes in found.seen for key in attributes)
    assert SMUGGLED in found.text
    scripts = [attributes for name, attributes in found.seen if name == "script"]
    assert [each for each in scripts if each.get("type") != "application/json"] == [{}]


def test_data_for_the_script_cannot_end_its_element() -> None:
    """Expect no character that HTML would read."""
    inner = data({"a": "</script><b>&"}).removeprefix('<script type="application/json">')
    assert not set("<>&") & set(inner.removesuffix("</script>"))


def test_characters_that_no_page_may_hold() -> None:
    """Expect a mark in place of controls, of halves of characters, and of what turns text round."""
    assert text("a\x00b\u202ec\ud800") == "a\ufffdb\ufffdc\ufffd"
    assert tag("p", "a", title='"', hidden=True, id=None) == '<p title="&quot;" hidden>a</p>'


def test_the_policy_allows_its_own_script_and_nothing_else() -> None:
    """Expect hashes of the one style and the one script, and no way to a network."""
    content = page(make_material()).decode()
    policy = dict(
        part.strip().split(" ", 1)
        for part in next(
            attributes["content"] or ""
            for name, attributes in read(content.encode()).seen
            if attributes.get("http-equiv") == "Content-Security-Policy"
        ).split(";")
    )
    assert policy["default-src"] == "'none'"
    for kind, element in (("style-src", "style"), ("script-src", "script")):
        inner = re.search(rf"<{element}>(.*?)</{element}>", content, re.DOTALL)
        assert inner is not None
        digest = base64.b64encode(hashlib.sha256(inner.group(1).encode()).digest()).decode()
        assert policy[kind] == f"'sha256-{digest}'"
    assert "http:" not in content.replace("http-equiv", "")
    assert "https:" not in content


def test_only_a_page_that_is_written_again_loads_itself_again() -> None:
    """Expect the interval for the script, and for who runs none; neither in the last page."""
    assert b'data-every="5"' in page(make_material(), every=5.0)
    assert b'http-equiv="refresh" content="5"' in page(make_material(), every=5.0)
    assert b"data-every" not in page(make_material())
    assert b"refresh" not in re.sub(rb"<(script|style)>.*?</\1>", b"", page(make_material()))


@pytest.mark.parametrize(
    ("condition", "attended", "word"),
    [
        ({"type": "Complete", "status": "True"}, True, "complete"),
        ({"type": "Failed", "status": "True"}, True, "failed"),
        ({"type": "Ready", "status": "True"}, False, "not running"),
        ({"type": "Ready", "status": "True"}, True, "Training"),
    ],
)
def test_the_state_is_the_first_thing(condition: dict[str, str], attended: bool, word: str) -> None:
    """Expect how the run stands beside its name."""
    whole = {**condition, "reason": "Because", "message": "m", "lastTransitionTime": AT}
    run = make_run(**STATUS, conditions=[whole])
    assert f"small {word} this machine" in shown(make_material(run, is_attended=attended))


def test_a_long_run_has_a_page_of_bounded_size() -> None:
    """Expect under 1.5 MB of 20,000 samples, 5,000 events and 1,000 evaluations, and what was left
    out to be said."""
    base = make_material()
    first = base.strengths[0]
    begun = datetime.fromtimestamp(BEGAN, UTC)
    long = replace(
        base,
        samples=tuple(make_samples(20_000)),
        events=tuple(
            Event(begun + timedelta(seconds=n), "Evaluated", "m" * 5000) for n in range(5000)
        ),
        strengths=tuple(
            replace(first, version=n, training_games=n, opponent=f"o{n % 4}") for n in range(1000)
        ),
    )
    content = page(long)
    assert len(content) < 1_500_000
    assert "(4,800 more are left out)" in read(content).text
    longest = max(len(found.split(b"L")) for found in re.findall(rb' d="([^"]*)"', content))
    assert longest <= 2 * 601  # a band goes there and back


def test_secrets_of_a_spec_are_hidden() -> None:
    """Expect neither a password in an address nor a variable that is named like a secret."""
    environment = [{"name": "API_TOKEN", "value": "hush"}, {"name": "LEVEL", "value": "3"}]
    template = {"spec": {"containers": [{"name": "daemon", "env": environment}]}}
    spec = {
        "redis": {"url": "redis://me:sesame@redis.example:6379/0"},
        "daemon": {"template": template},
    }
    said = shown(make_material(make_run(spec=spec, **STATUS)))
    assert "sesame" not in said
    assert "hush" not in said
    assert "redis.example:6379" in said
    assert "LEVEL" in said


def test_a_run_of_another_game_says_which() -> None:
    """Beside the place; a run of Magic has its decks in the spec."""
    environment = {"builtIn": {"name": "connect_four"}}
    run = make_run(spec={"environment": environment, "decks": []}, **STATUS)
    assert "connect_four \N{MIDDLE DOT} this machine" in read(page(make_material(run))).text
    assert "Magic" not in read(page(make_material())).text
