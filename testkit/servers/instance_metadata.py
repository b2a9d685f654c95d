"""A stand-in of the instance metadata service of AWS, version 2, on a loopback port.

It answers as the service is documented: a PUT with a lifetime gives a token, a GET without a good
token is answered with 401, and ``spot/instance-action`` is 404 until there is a notice.

    with InstanceMetadataServer() as metadata:
        environment = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint}
        metadata.give_notice("terminate", at=datetime.now(tz=UTC) + timedelta(minutes=2))
"""

from __future__ import annotations

import json
import secrets
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

TOKEN = "/latest/api/token"
FACTS = "/latest/meta-data/"
ACTION = f"{FACTS}spot/instance-action"


class InstanceMetadataServer:
    """The server, running while the context is open."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.asked: list[tuple[str, int]] = []
        self.action: bytes | None = None
        self.facts: dict[str, str] = {}
        """What else is asked: the path below ``meta-data``, such as ``instance-id``."""
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
                if self.path != TOKEN or not lifetime.isdigit() or not 1 <= int(lifetime) <= 21600:
                    return self._answer(400)
                token = secrets.token_urlsafe(40)
                stand_in.tokens.add(token)
                return self._answer(200, token.encode())

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") not in stand_in.tokens:
                    return self._answer(401)
                fact = stand_in.facts.get(self.path.removeprefix(FACTS))
                if fact is not None:
                    return self._answer(200, fact.encode())
                if self.path != ACTION or stand_in.action is None:
                    return self._answer(404)
                return self._answer(200, stand_in.action)

            def _answer(self, status: int, body: bytes = b"") -> None:
                stand_in.asked.append((self.command, status))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Requests are in ``asked``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def endpoint(self) -> str:
        """Its address, for the variable of the AWS SDKs."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def give_notice(self, action: str, *, at: datetime) -> None:
        """From now on the instance is asked to go."""
        time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.action = json.dumps({"action": action, "time": time}).encode()

    def forget_tokens(self) -> None:
        """All tokens have expired."""
        self.tokens.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
