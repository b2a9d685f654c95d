"""What may go wrong between a program and its runs.

    ClientError
    ├── RunNotFound    no run of that name is there
    ├── RunRefused     what was asked is not valid, not allowed, or makes no sense now
    ├── RunEnded       what is waited for can no longer come, because the run is over
    ├── WaitTimeout    it has not come in time
    └── NotReachable   the place itself does not answer, or gives no access; later may help

Every message is one sentence that says what, where and what to do; errors of a place's own
libraries never come through, they are the ``__cause__`` of one of these.
"""

from __future__ import annotations


class ClientError(Exception):
    """The base: a sentence for people."""


class RunNotFound(ClientError):
    """No run of that name is there."""


class RunRefused(ClientError):
    """What was asked is not valid, not allowed, or makes no sense now."""


class RunEnded(ClientError):
    """What is waited for can no longer come."""


class WaitTimeout(ClientError):
    """It has not come in time; the run continues."""


class NotReachable(ClientError):
    """The place does not answer or gives no access."""
