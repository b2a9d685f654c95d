"""The notice that a spot instance is about to be taken away, from the instance's own metadata.

AWS gives notice two minutes ahead, at ``spot/instance-action`` of the instance metadata service,
version 2: a session token first, then the question; 404 is "no notice". The question is asked with
the standard library and not through an SDK, because it must not go through a proxy and must end
within seconds. Version 1, without a token, is not asked: instances may forbid it.

On a notice the learner writes a checkpoint at once and trains on; half a minute before the
announced moment (a minute and a half after the notice) it stops as if it got a SIGTERM:
the update in hand is finished, acknowledged and saved, and the exit code says that it continues
elsewhere. What would be trained after that checkpoint would be acknowledged in vain; left in the
queue, it is the next learner's. One that is started on the same instance meanwhile stops at once.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec
from trainingrun_contracts.run_config import ConfigError

from trainingrun_trainer.spot_notice import LAST_SAVE_SECONDS, SpotNotice

ENDPOINT_VARIABLE: Final = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
ENDPOINT: Final = "http://169.254.169.254"
POLL_SECONDS: Final = 5.0
_TOKEN_PATH: Final = "/latest/api/token"  # noqa: S105 - a path
_NOTICE_PATH: Final = "/latest/meta-data/spot/instance-action"
_TOKEN_SECONDS: Final = 6 * 3600
_TIMEOUT_SECONDS: Final = 2.0
_BYTES_LIMIT: Final = 4096
_FAILURES_REPORTED: Final = 6


class MetadataUnavailable(Exception):
    """The instance metadata cannot be asked; the message says why."""


@dataclass(frozen=True)
class _Reply:
    status: int
    body: bytes


class InstanceMetadata:
    """A client of the metadata service, with its token."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(endpoint)
        self._endpoint = endpoint
        self._host = parts.hostname
        self._port = parts.port or 80
        self._token = ""

    def spot_notice(self) -> SpotNotice | None:
        """Return the notice, if there is one.

        Raises:
            MetadataUnavailable: the service does not answer, or not as it is described.
        """
        if not self._token:
            self._token = self._new_token()
        reply = self._ask("GET", _NOTICE_PATH, {"X-aws-ec2-metadata-token": self._token})
        if reply.status == http.HTTPStatus.UNAUTHORIZED:  # the token has expired
            self._token = self._new_token()
            reply = self._ask("GET", _NOTICE_PATH, {"X-aws-ec2-metadata-token": self._token})
        match reply.status:
            case http.HTTPStatus.NOT_FOUND:
                return None
            case http.HTTPStatus.OK:
                return self._decoded(reply.body)
            case status:
                raise MetadataUnavailable(f"{self._endpoint} answers with status {status}")

    def _new_token(self) -> str:
        lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)}
        reply = self._ask("PUT", _TOKEN_PATH, lifetime)
        token = reply.body.decode("ascii", "replace").strip()
        if reply.status != http.HTTPStatus.OK or not token.isprintable() or not token:
            raise MetadataUnavailable(f"{self._endpoint} gives no token (status {reply.status})")
        return token

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> _Reply:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            return _Reply(reply.status, reply.read(_BYTES_LIMIT))
        except (OSError, http.client.HTTPException, UnicodeEncodeError) as error:
            why = str(error) or type(error).__name__
            raise MetadataUnavailable(f"{self._endpoint} does not answer ({why})") from error
        finally:
            connection.close()

    def _decoded(self, body: bytes) -> SpotNotice:
        try:
            notice = msgspec.json.decode(body, type=SpotNotice)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MetadataUnavailable(f"{self._endpoint}: no spot notice: {error}") from error
        if notice.time.tzinfo is None:
            raise MetadataUnavailable(f"{self._endpoint}: a spot notice without a time zone")
        return notice


class SpotWatch:
    """Asks every few seconds, in a thread of its own.

    Attributes:
        notice: the newest one; None while there is none.
    """

    def __init__(
        self, metadata: InstanceMetadata | None, notify: Callable[[str, str], None]
    ) -> None:
        self.notice: SpotNotice | None = None
        self._metadata = metadata
        self._notify = notify
        self._failures = 0
        self._closing = threading.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spot")
        self._thread: Future[None] | None = None

    def start(self) -> None:
        """Start asking; without a metadata service, do nothing."""
        if self._metadata is not None:
            self._thread = self._executor.submit(self._run, self._metadata)

    def close(self) -> None:
        """Stop asking."""
        self._closing.set()
        self._executor.shutdown(wait=True)

    def _run(self, metadata: InstanceMetadata) -> None:
        while not self._closing.is_set():
            try:
                notice = metadata.spot_notice()
            except MetadataUnavailable as error:
                self._note_failure(error)
            else:
                self._failures = 0
                self._note(notice)
            self._closing.wait(POLL_SECONDS)

    def _note(self, notice: SpotNotice | None) -> None:
        if notice is not None and notice != self.notice:
            self._notify(
                "SpotNotice",
                f"this instance will {notice.action} at {notice.time:%H:%M:%S %Z}: a"
                f" checkpoint is written now; {LAST_SAVE_SECONDS:.0f} s before that the learner"
                " saves again and ends",
            )
        self.notice = notice

    def _note_failure(self, error: MetadataUnavailable) -> None:
        """Report each lasting failure once; a lost answer or two mean nothing."""
        self._failures += 1
        if self._failures == _FAILURES_REPORTED:
            self._notify(
                "SpotNoticeUnavailable",
                f"{error}: give the instance a metadata hop limit of 2, or set"
                " checkpoint.spotNotice to false where there is no AWS",
            )


def metadata_service(environment: Mapping[str, str], *, is_wanted: bool) -> InstanceMetadata | None:
    """Return the service at its usual address, or where the variable of the AWS SDKs says.

    Raises:
        ConfigError: the variable is no address.
    """
    if not is_wanted:
        return None
    endpoint = environment.get(ENDPOINT_VARIABLE) or ENDPOINT
    try:
        return InstanceMetadata(endpoint)
    except ValueError as error:
        raise ConfigError(f"{ENDPOINT_VARIABLE}={endpoint!r}: give http://host:port") from error
