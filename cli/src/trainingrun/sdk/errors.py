"""What may go wrong between a program and its runs, or its resources of another kind.

    ClientError
    ├── NotFound      no resource of that kind and name is there
    ├── Refused       what was asked is not valid, not allowed, or makes no sense now
    ├── Ended         what is waited for can no longer come, because the resource is over
    ├── WaitTimeout   it has not come in time
    └── NotReachable  the place itself does not answer, or gives no access; later may help

Every message is one sentence that says what, where and what to do; errors of a place's own
libraries never come through, they are the ``__cause__`` of one of these.
"""

from __future__ import annotations


class ClientError(Exception):
    """The base: a sentence for people."""


class NotFound(ClientError):
    """No resource of that kind and name is there."""


class Refused(ClientError):
    """What was asked is not valid, not allowed, or makes no sense now."""


class Ended(ClientError):
    """What is waited for can no longer come."""


class WaitTimeout(ClientError):
    """It has not come in time; the resource continues."""


class NotReachable(ClientError):
    """The place does not answer or gives no access."""
