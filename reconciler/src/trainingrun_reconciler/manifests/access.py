"""What lets the roles of a run know and reach one another: configuration, Redis URL, identity.

The secret of a managed Redis never changes: the Secret is created, not applied, and immutable,
so that nothing can overwrite it. Each role gets a URL with a user of its own as an environment
variable; passwords stand on no command line and in no other object, and the server's file only has
their hashes, beside what each user may do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired import redis_config
from trainingrun_reconciler.desired.redis_tls import identity_for
from trainingrun_reconciler.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT
from trainingrun_reconciler.manifests.metadata import ROLE_LABEL, Manifest, manifest, role_name
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Account
from trainingrun_reconciler.roles.redis import PORT
from trainingrun_reconciler.roles.workload import DaemonToken, Role

CONFIG_FOLDER: Final = "/etc/trainingrun"
CONFIG_FILE: Final = "run.json"
DECKS_FOLDER: Final = "/etc/trainingrun/decks"
"""Where daemons have the decks of the run's own."""
DECKS_VARIABLE: Final = "TRAININGRUN_DECKS"
"""Where that is, for programs that are no reference engine."""
LEAGUE_FOLDER: Final = "/etc/league"
"""Where a member of a league has what the league is called with."""
REDIS_FOLDER: Final = "/etc/redis"
URL_KEY: Final = "url"
"""The operator's own URL; those of the roles are under :func:`url_key`."""
CONFIG_KEY: Final = "redis.conf"
CERTIFICATE_KEY: Final = "tls.crt"
PRIVATE_KEY: Final = "tls.key"
"""Of a Redis that speaks TLS."""
ORIGIN_KEY: Final = "secret"
"""What all passwords follow from; no pod gets it."""
TOKEN_KEY: Final = "token"  # noqa: S105 - the name of an entry


@dataclass(frozen=True)
class SecretKey:
    """One entry of a Secret."""

    name: str
    key: str

    def reference(self) -> dict[str, Any]:
        """As the source of an environment variable."""
        return {"secretKeyRef": {"name": self.name, "key": self.key}}


def config_name(run: RunIdentity) -> str:
    """Name of the ConfigMap with the run configuration."""
    return f"{run.name}-config"


def decks_name(run: RunIdentity) -> str:
    """Name of the ConfigMap with the decks of the run's own."""
    return f"{run.name}-decks"


def secret_name(run: RunIdentity) -> str:
    """Name of our Secret with the Redis URL."""
    return role_name(run, Role.REDIS)


def account_name(run: RunIdentity, role: Role) -> str:
    """Name of a role's ServiceAccount: one of its own, or the one that the others share.

    The suffix keeps a run named "default" off the default account.
    """
    return role_name(run, role) if _has_account(role) else f"{run.name}-pods"


def _has_account(role: Role) -> bool:
    return ROLES[role].account is Account.OWN


def redis_address(run: RunIdentity) -> str:
    """Where the managed Redis of a run is, within the cluster."""
    return f"{role_name(run, Role.REDIS)}.{run.namespace}.svc:{PORT}"


def url_key(user: str) -> str:
    """The entry of a managed Redis' Secret that holds the URL of this user."""
    return URL_KEY if user == redis_config.OPERATOR else f"{user}-url"


def redis_url_key(
    run: RunIdentity, shared: SharedResources, *, user: str = redis_config.OPERATOR
) -> SecretKey:
    """The Secret's entry that holds a user's Redis URL: somebody else's Redis has one for all."""
    if shared.redis_url_secret is not None:
        return SecretKey(*shared.redis_url_secret)
    return SecretKey(secret_name(run), url_key(user) if shared.managed_redis else URL_KEY)


def token_secret_name(run: RunIdentity) -> str:
    """Name of our Secret with the token of the daemons."""
    return role_name(run, Role.DAEMON)


def token_secret_key(run: RunIdentity, token: DaemonToken) -> SecretKey:
    """The Secret's entry that holds the token of the daemons."""
    if token.secret is not None:
        return SecretKey(*token.secret)
    return SecretKey(token_secret_name(run), TOKEN_KEY)


def token_secret(run: RunIdentity, token: str) -> Manifest:
    """The Secret with the token of the run's own daemons."""
    return manifest(
        SECRET,
        run,
        token_secret_name(run),
        type="Opaque",
        immutable=True,
        stringData={TOKEN_KEY: token},
    )


def managed_secret(
    run: RunIdentity, secret: str, *, roles: Collection[Role] | None = None, tls: bool = False
) -> Manifest:
    """The Secret of a managed Redis: a URL for the user of each of ``roles`` (None: every one), a
    configuration file for the server, and with ``tls`` its key and certificate.

    All of it follows from ``secret`` and the run's identity.
    """
    address = redis_address(run)
    identity = identity_for(secret, address.partition(":")[0]) if tls else None
    content = {
        url_key(user): redis_config.url_for(user, secret, address, tls=identity)
        for user in redis_config.users(roles)
    }
    if identity is not None:
        content |= {CERTIFICATE_KEY: identity.pem, PRIVATE_KEY: identity.key}
    content[ORIGIN_KEY] = secret
    content[CONFIG_KEY] = redis_config.config_file(run.uid, secret, roles=roles)
    return manifest(
        SECRET, run, secret_name(run), type="Opaque", immutable=True, stringData=content
    )


def given_secret(run: RunIdentity, url: str) -> Manifest:
    """The Secret with the URL of a Redis that is not ours: it may hold a password too."""
    content = {URL_KEY: url}
    return manifest(
        SECRET, run, secret_name(run), type="Opaque", immutable=True, stringData=content
    )


def config_map(run: RunIdentity, config: bytes) -> Manifest:
    """The run configuration, as all roles mount it."""
    return manifest(CONFIG_MAP, run, config_name(run), data={CONFIG_FILE: config.decode()})


def decks_map(run: RunIdentity, files: Mapping[str, str]) -> Manifest:
    """The decks of the run's own, by file name, as its daemons mount them."""
    return manifest(CONFIG_MAP, run, decks_name(run), data=dict(files))


def service_accounts(run: RunIdentity) -> tuple[Manifest, ...]:
    """The identities of the run's pods; they may do nothing in the cluster, and no pod gets a
    token of one."""
    owners = {account_name(run, each): each if _has_account(each) else None for each in ROLES.names}
    made = (
        manifest(SERVICE_ACCOUNT, run, name, role=role, automountServiceAccountToken=False)
        for name, role in owners.items()
    )
    return tuple(sorted(made, key=lambda each: ROLE_LABEL not in each["metadata"]["labels"]))
