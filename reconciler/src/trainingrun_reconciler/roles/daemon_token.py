"""Which token the daemons of a run ask for: one of the run's own, one of the user's, or none.

The reference engine asks for the run's own unless ``spec.daemon.auth`` says otherwise. A Forge
build cannot ask. The token of external daemons is their user's.
"""

from __future__ import annotations

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.roles.workload import DaemonToken


def token_of(run: TrainingRun) -> DaemonToken | None:
    """What the run's daemons ask of who wants a game; None: nothing."""
    spec = run.spec.daemon
    if run.spec.algorithm.alpha_zero is not None:
        return None  # there are no daemons
    if spec.external is not None:
        secret = spec.external.token_secret_ref
        return None if secret is None else DaemonToken((secret.name, secret.key))
    if spec.jvm is not None or spec.embedded or spec.auth == "None":
        return None
    return DaemonToken()
