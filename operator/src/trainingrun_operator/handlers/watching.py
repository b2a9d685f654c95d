"""kopf: its settings, its login, and the handlers that put keys into the work queue."""

from __future__ import annotations

from typing import Any

import kopf

from trainingrun_operator.backends.kubernetes.client import Client
from trainingrun_operator.backends.kubernetes.kinds import TRAINING_RUN
from trainingrun_operator.handlers.service import Service


def settings() -> kopf.OperatorSettings:
    """kopf as a watch engine alone."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 330
    chosen.queueing.exit_timeout = 1.0
    chosen.process.ultimate_exiting_timeout = 30.0
    return chosen


def registry(client: Client, service: Service) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own and not in kopf's global one."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection(client)

    @kopf.on.event(TRAINING_RUN.group, TRAINING_RUN.version, TRAINING_RUN.plural, registry=made)
    async def run_changed(event: kopf.RawEvent, **_: Any) -> None:
        service.tell(event["object"], gone=event["type"] == "DELETED")

    return made


async def connection(client: Client) -> kopf.ConnectionInfo:
    """Our own credentials for kopf; it asks again when they are refused."""
    known = client.configuration
    token = await known.get_api_key_with_prefix("BearerToken")
    return kopf.ConnectionInfo(
        server=known.host,
        ca_path=known.ssl_ca_cert,
        ca_data=None if known.ssl_ca_cert else known.ca_cert_data,
        insecure=not known.verify_ssl,
        certificate_path=known.cert_file,
        private_key_path=known.key_file,
        scheme="Bearer" if token else None,
        token=token.split(" ", 1)[-1] if token else None,
    )
