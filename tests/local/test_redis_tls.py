"""A managed Redis that speaks TLS: started as its pod is, reached as its members reach it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import redis
from trainingrun_api.run import parse
from trainingrun_contracts.connection import asyncio_client, blocking_client, why_unreachable
from trainingrun_reconciler.controller.state import shared_resources
from trainingrun_reconciler.desired.redis_config import OPERATOR, url_for, users
from trainingrun_reconciler.desired.redis_tls import identity_for
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import (
    REDIS_FOLDER,
    managed_secret,
    redis_address,
    redis_url_key,
)
from trainingrun_reconciler.manifests.pod import pod_template
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.ports import free_port
from testkit.servers.redis_server import redis_program
from testkit.waiting import until

SECRET = "one-two-three"
HOST = "localhost"
TRAINING_RUN = parse(
    {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "mine", "namespace": "team", "uid": "uid-1"},
        "spec": {
            "games": 100,
            "decks": [{"name": "red_aggro"}],
            "redis": {"managed": {"tls": True}},
        },
    }
)
RUN = RunIdentity("team", "mine", "uid-1")


pytestmark = pytest.mark.needs("redis-server with TLS")  # the one in a wheel is built without


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the command of the pod and the files of the Secret, for this host's name."""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    workload = workloads(TRAINING_RUN, Settings(), scaled=1)[Role.REDIS]
    shared = shared_resources(TRAINING_RUN, Settings())
    pod = pod_template(RUN, replace(workload, port=port), redis_url_key(RUN, shared))["spec"]
    (mounted,) = (each["secret"] for each in pod["volumes"] if "secret" in each)
    content = managed_secret(RUN, SECRET, tls=shared.redis_tls)["stringData"]
    identity = identity_for(SECRET, HOST)
    content |= {"tls.crt": identity.pem, "tls.key": identity.key}
    for item in mounted["items"]:
        (folder / item["path"]).write_text(content[item["key"]])
    (container,) = pod["containers"]
    command = [redis_program(), *container["command"][1:]]
    places = {REDIS_FOLDER: str(folder), "/data": str(folder), "0.0.0.0": "127.0.0.1"}
    for old, new in places.items():
        command = [word.replace(old, new) for word in command]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    found = f"{HOST}:{port}"
    try:
        until(lambda: answers(found), seconds=20, what=(folder / "log").read_text() or "an answer")
        yield found
    finally:
        process.kill()
        process.wait(timeout=10)


def secure_url(address: str, *, user: str = OPERATOR, secret: str = SECRET) -> str:
    """A URL as the run's Secret holds it, with the certificate of an identity."""
    return url_for(user, SECRET, address, tls=identity_for(secret, HOST))


def answers(address: str) -> bool:
    """Whether somebody with the run's URL is answered."""
    with suppress(redis.ConnectionError), blocking_client(secure_url(address), retries=0) as client:
        return bool(client.ping())
    return False


def test_both_clients_reach_it_with_the_url_alone(address: str) -> None:
    """Expect the certificate in the URL to be all that a member needs."""

    async def ping() -> bool:
        client = asyncio_client(secure_url(address, user="actor"))
        try:
            return bool(await client.ping())
        finally:
            await client.aclose()

    assert answers(address)
    assert asyncio.run(ping())


@pytest.mark.parametrize("other", ["another certificate", "none"])
def test_a_server_that_nobody_vouches_for_gets_no_password(address: str, other: str) -> None:
    """Expect both clients to break off at the handshake, and to say what to do."""
    url = secure_url(address, secret="of-another-run")
    url = url if other == "another certificate" else url.partition("?")[0]

    async def ping() -> None:
        client = asyncio_client(url)
        try:
            await client.ping()
        finally:
            await client.aclose()

    with pytest.raises(redis.ConnectionError) as caught, blocking_client(url, retries=0) as client:
        client.ping()
    assert "is not trusted here" in why_unreachable(caught.value, url)
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(ping())


def test_the_name_of_another_service_is_no_way_in(address: str) -> None:
    """Expect the certificate of one Service not to do for another."""
    elsewhere = identity_for(SECRET, redis_address(RUN).partition(":")[0])
    url = url_for(OPERATOR, SECRET, address, tls=elsewhere)
    with pytest.raises(redis.ConnectionError), blocking_client(url, retries=0) as client:
        client.ping()


def test_nothing_is_said_in_plain_text(address: str) -> None:
    """Expect who speaks without TLS to be hung up on."""
    url = url_for(OPERATOR, SECRET, address)
    with pytest.raises(redis.ConnectionError), blocking_client(url, retries=0) as client:
        client.ping()


def test_the_secret_is_for_the_name_of_the_service() -> None:
    """Expect every URL of the Secret to be of TLS, to trust its certificate, and the key to be
    with the server alone."""
    content = managed_secret(RUN, SECRET, tls=True)["stringData"]
    identity = identity_for(SECRET, "mine-redis.team.svc")
    urls = [text for name, text in content.items() if name.endswith("url")]
    assert len(urls) == len(users())
    assert all(each.startswith("rediss://") and each.endswith(identity.in_url) for each in urls)
    assert content["tls.key"] == identity.key
    assert identity.key not in "".join(urls)
