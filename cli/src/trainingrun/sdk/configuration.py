"""Where a user's cluster is, and with what credentials it is asked."""

from __future__ import annotations

import os

from kubernetes.aio import config as client_config
from kubernetes.aio.client.configuration import Configuration

from trainingrun.sdk import ClusterPlace, NotReachable


async def load_configuration(place: ClusterPlace) -> Configuration:
    """Load the place's kubeconfig or context; else the pod's account, else ``KUBECONFIG``.

    Raises:
        NotReachable: there is none; the message says where it was searched.
    """
    configuration = Configuration()
    named = place.kubeconfig is not None or place.context is not None
    try:
        if "KUBERNETES_SERVICE_HOST" in os.environ and not named:
            client_config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        else:
            await client_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(place.kubeconfig) if place.kubeconfig else None,
                context=place.context,
                client_configuration=configuration,
            )
    except (client_config.ConfigException, OSError) as error:
        file = place.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise NotReachable(
            f"no access to a cluster: {error}: run it in a pod with a service account, or make"
            f" {file} a valid kubeconfig"
        ) from error
    return configuration
