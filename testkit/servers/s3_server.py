"""A real S3 server on a temporary folder: versitygw with random keys on a free loopback port.

    with S3Server(tmp_path) as s3:
        bucket = s3.create_bucket("checkpoints")
        environment = s3.environment()       # AWS_* for any SDK, AWS_ENDPOINT_URL included

Objects are files below ``root/data``, which helps when a test wants to damage one. Not here: moto
and other imitations, whose answers to conditional and multipart requests differ from S3's.
"""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from testkit.ports import free_port
from testkit.programs import programs
from testkit.servers.server_process import BedProcess

REGION = "us-east-1"
READY_SECONDS = 20.0


class S3Server:
    """The server, running while the context is open; ``stop`` and ``start`` play an outage."""

    def __init__(self, root: Path) -> None:
        self.access_key = secrets.token_hex(8)
        self.secret_key = secrets.token_hex(16)
        self.data = root / "data"
        self._sidecar = root / "attributes"
        self._log = root / "versitygw.log"
        self._port = free_port()
        self._process: BedProcess | None = None

    @property
    def endpoint(self) -> str:
        """The URL of the server; it stays the same over an outage."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts the server and waits until it accepts connections."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._sidecar.mkdir(parents=True, exist_ok=True)
        gateway = str(programs("versitygw") / "versitygw")
        # The sidecar keeps object attributes where the file system has no extended attributes.
        backend = ["posix", "--sidecar", str(self._sidecar), str(self.data)]
        command = [gateway, "--port", f"127.0.0.1:{self._port}", "--region", REGION, *backend]
        keys = {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}
        self._process = BedProcess(command, self._log, environment=keys)
        self._process.wait_until(self._answers, "S3 server ready", seconds=READY_SECONDS)

    def stop(self) -> None:
        """Stops the server; its objects stay."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def environment(self) -> dict[str, str]:
        """What a process needs to use the server through any AWS SDK."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self) -> Any:
        """A boto3 client with the server's own keys; path style, as there is no DNS for buckets."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    def create_bucket(self, name: str) -> str:
        """Makes a bucket and returns its name."""
        self.client().create_bucket(Bucket=name)
        return name

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
