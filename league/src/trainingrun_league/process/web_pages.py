"""The pages for people in a league's process.

On loopback they are served without TLS, as a browser trusts no certificate that a league makes for
itself; on any other address with the league's certificate, given or made.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of

from trainingrun_league.declaration import Host
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.server.certificates import Certificates
from trainingrun_league.server.tokens import TokenKey
from trainingrun_league.web.context import Context, WebSettings, board_of, new_templates
from trainingrun_league.web.sessions import Sessions
from trainingrun_league.web.site import Site


@asynccontextmanager
async def served_pages(
    host: Host, key: TokenKey, certificates: Certificates | None
) -> AsyncIterator[str]:
    """Serve them, and yield their address.

    Raises:
        InvalidRequest: there is no such environment.
        Unavailable: the port cannot be had.
    """
    settings = host.settings
    try:
        spec = spec_of(settings.environment)
    except UnknownEnvironment as error:
        raise InvalidRequest(f"--environment: {error}") from error
    tls = None
    if certificates is not None and not _is_loopback(settings.host):
        tls = _context(certificates)
    site = Site(
        Context(
            settings=WebSettings(
                league=settings.name,
                environment=spec.name,
                board=board_of(spec.name),
                can_search=spec.is_forkable,
            ),
            peers=host.peers,
            sessions=Sessions(key, is_encrypted=tls is not None),
            clock=host.clock,
            templates=new_templates(),
        ),
        key,
    )
    try:
        port = await site.start(settings.host, settings.web_port or 0, tls)
        yield f"{'http' if tls is None else 'https'}://{settings.host}:{port}"
    finally:
        await site.close()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(certificates: Certificates) -> ssl.SSLContext:
    """Return the server's side of TLS; ``ssl`` reads certificates from files alone."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory(prefix="trainingrun-league-") as folder:  # mode 0700
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate.write_bytes(certificates.certificate)
        key.write_bytes(certificates.key)
        context.load_cert_chain(certificate, key)
    return context
