"""A run on several machines: what each has, whether they fit together, what one does about what
another asks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun.commands.errors import UserError
from trainingrun.commands.local.following import Step, step_for
from trainingrun.commands.local.several import Share, share_of
from trainingrun.local.machines import (
    KNOWN_SECONDS,
    Lead,
    Machine,
    RoleOnMachine,
    described,
    lead_from,
    machines_from,
    misfits,
    missing,
)
from trainingrun_api.run import TrainingRun

from testkit.operator.alpha_zero import SEARCHED, SERVED
from testkit.operator.simulated_run import training_run

from .conftest import Shell

NOW = 1_000_000.0
URL = "redis://:secret@cpu-box:6379"
CPU = Machine("cpu-box", NOW, "0.1.0", "segments 2", "abc", ("selfplay", "redis"), 16)
GPU = Machine("gpu-box", NOW, "0.1.0", "segments 2", "abc", ("inference", "learner"), 8)
LEAD = Lead("gpu-box", NOW, "uid", b"{}")


def searched(**spec: Any) -> TrainingRun:
    """A run of AlphaZero."""
    return training_run(**SERVED | spec)


def test_a_machine_has_the_roles_that_are_named() -> None:
    """Each once; the queue's place has two names."""
    share = share_of(searched(), "selfplay, replay,selfplay", URL)
    assert share == Share(("selfplay", "redis"), URL)
    assert not share.leads
    assert share.serves_redis
    assert {each.value for each in share.declared} == {"selfplay"}
    learner = share_of(searched(), "learner,inference", URL)
    assert learner is not None
    assert learner.leads
    assert share_of(searched(), None, None) is None


@pytest.mark.parametrize(
    ("run", "roles", "url", "said"),
    [
        (searched(), "selfplay", None, "--roles and --redis go together"),
        (searched(), None, URL, "--roles and --redis go together"),
        (searched(), "selfplay,actor", URL, "this run has no role actor: choose among redis"),
        (searched(), " , ", URL, "names no role"),
        (training_run(**SEARCHED), "inference", URL, "this run has no role inference"),
        (training_run(), "actor", URL, "daemons that are started here are reached from this"),
        (searched(), "redis", "redis://cpu-box:6379", "it has no password"),
        (searched(), "redis", "rediss://:secret@cpu-box:6379", "it asks for TLS"),
        (searched(), "redis", "redis://me:secret@cpu-box:6379", "it names a user"),
        (searched(), "learner", "http://cpu-box", "its scheme is neither redis nor rediss"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    run: TrainingRun, roles: str | None, url: str | None, said: str
) -> None:
    """Before anything is started."""
    with pytest.raises(UserError, match=said):
        share_of(run, roles, url)


def test_no_sentence_about_the_address_holds_its_password() -> None:
    """Whatever is wrong with it."""
    for url in ("rediss://:s3cr3t@cpu-box", "redis://me:s3cr3t@cpu-box", "ftp://:s3cr3t@a"):
        with pytest.raises(UserError) as refused:
            share_of(searched(), "redis", url)
        assert "s3cr3t" not in str(refused.value)


def test_machines_that_fit_have_nothing_to_say() -> None:
    """The same versions, and no role twice that a run has once."""
    assert misfits(GPU, (CPU, GPU), now=NOW) == ()
    more = msgspec.structs.replace(CPU, name="other", roles=("selfplay",))
    assert misfits(GPU, (CPU, GPU, more), now=NOW) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "0.2.0"}, "cpu-box has trainingrun 0.2.0 (segments 2), and gpu-box has 0.1.0"),
        ({"formats": "segments 3"}, "cpu-box has trainingrun 0.1.0 (segments 3)"),
        ({"schema": "def"}, "cpu-box has another version of the environment (def)"),
        ({"roles": ("learner",)}, "cpu-box has role learner already"),
    ],
)
def test_machines_that_do_not_fit_are_named(change: dict[str, Any], said: str) -> None:
    """Both of them, with what to do."""
    (sentence,) = misfits(GPU, (msgspec.structs.replace(CPU, **change), GPU), now=NOW)
    assert sentence.startswith(said)
    assert sentence.rpartition(": ")[2]


def test_a_machine_of_long_ago_is_held_against_nobody() -> None:
    """It may have been upgraded since; its roles are free as soon as it is away."""
    old = msgspec.structs.replace(CPU, version="0.0.1")
    assert misfits(GPU, (old,), now=NOW + KNOWN_SECONDS + 1) == ()
    assert misfits(GPU, (msgspec.structs.replace(CPU, roles=("learner",)),), now=NOW + 60) == ()


def test_roles_that_nobody_has_are_missing() -> None:
    """A machine that is away has none."""
    roles = ("redis", "learner", "selfplay", "evaluator")
    assert missing(roles, (CPU, GPU), now=NOW) == ("evaluator",)
    assert missing(roles, (CPU, GPU), now=NOW + 60) == roles


@pytest.mark.parametrize(
    ("lead", "step"),
    [
        (None, Step.WAIT),
        (LEAD, Step.FOLLOW),
        (msgspec.structs.replace(LEAD, at=NOW - 60), Step.KEEP),
        (msgspec.structs.replace(LEAD, is_over=True), Step.END),
        (msgspec.structs.replace(LEAD, is_over=True, at=NOW - 60), Step.WAIT),
    ],
    ids=["nobody", "asked", "away", "over", "over before"],
)
def test_what_a_machine_does_about_what_it_is_asked(lead: Lead | None, step: Step) -> None:
    """Members go on while the one that leads is away; an end of before is none of now."""
    assert step_for(lead, began=NOW - 30, now=NOW) is step


def test_a_machine_in_a_line() -> None:
    """Its members, what they use, and what is wrong."""
    members = (
        RoleOnMachine("selfplay", 15, 14, cpu=13.7, problem="killed by signal 9"),
        RoleOnMachine("redis", 1, 1, cpu=0.2),
    )
    busy = msgspec.structs.replace(CPU, members=members)
    assert described(busy, now=NOW) == (
        "cpu-box: selfplay 14/15 redis 1/1, 13.9 of 16 cores; selfplay: killed by signal 9"
    )
    one = msgspec.structs.replace(GPU, gpus=("NVIDIA H100",))
    assert described(one, now=NOW) == "gpu-box: inference, learner, 0.0 of 8 cores, NVIDIA H100"
    assert described(CPU, now=NOW + 60) == "cpu-box: away for 60 s (selfplay, redis)"


@given(st.dictionaries(st.binary(max_size=30), st.binary(max_size=300), max_size=5))
def test_what_stands_in_redis_is_read_or_left_out(reply: dict[bytes, bytes]) -> None:
    """Whatever wrote it; what is no record, or another machine's, is nobody's."""
    whole = {**reply, b"cpu-box": msgspec.json.encode(CPU), b"liar": msgspec.json.encode(GPU)}
    assert CPU in machines_from(whole)
    assert GPU not in machines_from(whole)
    for value in reply.values():
        lead_from(value)
    assert lead_from(msgspec.json.encode(LEAD)) == LEAD
    assert lead_from(b"x" * 2_000_000) is None


def test_a_check_of_one_machine_alone(shell: Shell) -> None:
    """Where all of the run is here, nothing needs to be reached."""
    answer = shell.run("local", "-f", shell.write(), "--decks", "decks", "--check")
    assert (answer.code, answer.errors) == (0, [])
    assert answer.out.startswith("ok ")


def _of_alpha_zero(document: dict[str, Any]) -> None:
    document["spec"] = {
        "games": 10,
        "environment": {"builtIn": {"name": "tic_tac_toe"}},
        "algorithm": {"alphaZero": {}},
        "learner": {"gpus": 8},
    }


def test_a_check_says_what_is_not_there_and_not_reached(shell: Shell) -> None:
    """GPUs that nobody sees, and a name that nobody knows; the password stands nowhere."""
    file = shell.write(_of_alpha_zero)
    url = "redis://:s3cr3t@no-such-machine.invalid:6379"
    answer = shell.ask(
        *("trainingrun", "local", "-f", file, "--roles", "learner", "--redis", url, "--check"),
        PATH="/nowhere",
    )
    assert answer.code == 1
    assert "PROBLEM learner asks for 8 GPUs (learner.gpus), and nvidia-smi shows 0" in answer.out
    assert "PROBLEM the name no-such-machine.invalid is not known here" in answer.out
    assert "s3cr3t" not in answer.out
