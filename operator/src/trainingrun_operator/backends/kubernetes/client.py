"""Requests to the API server: documents in, documents out.

A thin layer over the official client's transport, which knows kubeconfigs, service accounts, token
renewal and TLS. Belongs here: verbs, content types, the brake, the translation of errors. Does not
belong here: any kind's meaning.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.aio import config as client_config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from trainingrun_operator.backends import BackendError
from trainingrun_operator.backends.kubernetes.errors import UnreachableError, error_from
from trainingrun_operator.backends.kubernetes.throttle import TokenBucket

Document = dict[str, Any]

FIELD_MANAGER: Final = "trainingrun-operator"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json"
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_WATCH: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

_CONNECTIONS: Final = 32
_CLOSING_SECONDS: Final = 0.1
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30.0)
_WATCH_GRACE_SECONDS: Final = 20.0


async def load_configuration(
    kubeconfig: Path | None = None, *, context: str | None = None
) -> Configuration:
    """The address and credentials: of the given file or of a context in the usual one, else of the
    pod, else of ``KUBECONFIG``.

    Raises:
        BackendError: there are none; the message says where they were looked for.
    """
    configuration = Configuration()
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and kubeconfig is None and context is None
    try:
        if in_cluster:
            client_config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        else:
            await client_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(kubeconfig) if kubeconfig else None,
                context=context,
                client_configuration=configuration,
            )
    except (client_config.ConfigException, OSError) as error:
        place = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise BackendError(
            "NoCredentials",
            f"no access to a cluster: {error}: run it in a pod with a service account, or make"
            f" {place} a valid kubeconfig",
            retry=False,
        ) from error
    return configuration


class Client:
    """Requests of the operator; all methods raise :class:`BackendError` (an ``ApiError``)."""

    def __init__(self, configuration: Configuration, bucket: TokenBucket | None = None) -> None:
        configuration.connection_pool_maxsize = _CONNECTIONS
        self.configuration = configuration
        self.bucket = bucket or TokenBucket()
        self._api = ApiClient(configuration)

    async def close(self) -> None:
        """Close the connections; those with TLS need some more turns of the loop to be closed."""
        await self._api.close()  # type: ignore[no-untyped-call]
        await asyncio.sleep(_CLOSING_SECONDS)

    async def get(self, path: str, **query: str) -> Document:
        """Read one object, or a list of objects (``labelSelector=…``, ``limit=…``)."""
        return await self._request("GET", path, query=query)

    async def list_metadata(self, path: str, **query: str) -> Document:
        """List objects without their spec, data and status."""
        return await self._request("GET", path, query=query, accept=METADATA_LIST)

    async def create(self, path: str, body: Document) -> Document:
        """Create an object in the collection ``path``.

        Raises:
            ConflictError: it exists.
        """
        return await self._request("POST", path, body=body, content=JSON)

    async def apply(self, path: str, body: Document, *, manager: str = FIELD_MANAGER) -> Document:
        """Server-side apply: create the object or change our fields of it."""
        query = {"fieldManager": manager, "force": "true"}
        return await self._request("PATCH", path, query=query, body=body, content=APPLY)

    async def merge(self, path: str, body: Document) -> Document:
        """Change some fields."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("PATCH", path, query=query, body=body, content=MERGE)

    async def delete(self, path: str, *, propagation: str, uid: str | None = None) -> None:
        """Delete an object, if its ``uid`` is this one.

        ``propagation`` "Foreground" keeps it until its pods are gone, "Background" does not.
        """
        body: Document = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        await self._request("DELETE", path, body=body, content=JSON)

    async def watch(
        self, path: str, *, seconds: int, metadata_only: bool, **query: str
    ) -> AsyncIterator[Document]:
        """Changes after ``resourceVersion``, as they come, for at most ``seconds``.

        Raises:
            ExpiredError: the resource version is too old.
        """
        query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        answer = await self._send(
            "GET", path, query, accept=METADATA_WATCH if metadata_only else JSON,
            timeout=aiohttp.ClientTimeout(total=seconds + _WATCH_GRACE_SECONDS, sock_connect=10.0),
        )  # fmt: skip
        try:
            if answer.status != 200:
                raise error_from(answer.status, await answer.read(), f"watch {path}")
            while line := await answer.content.readline():
                yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise UnreachableError(f"watch {path} broke off: {error}") from error
        finally:
            answer.close()

    async def _request(
        self, verb: str, path: str, *, query: Mapping[str, str] | None = None,
        body: Document | None = None, content: str | None = None, accept: str = JSON,
    ) -> Document:  # fmt: skip
        await self.bucket.take()
        answer = await self._send(
            verb, path, query or {}, body=body, content=content, accept=accept
        )
        try:
            data = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"{verb} {path} broke off: {error}") from error
        if not 200 <= answer.status < 300:
            raise error_from(answer.status, data, f"{verb} {path}")
        found: Document = json.loads(data)
        return found

    async def _send(
        self, verb: str, path: str, query: Mapping[str, str], *, body: Document | None = None,
        content: str | None = None, accept: str = JSON,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> aiohttp.ClientResponse:  # fmt: skip
        headers = {"Accept": accept, **({"Content-Type": content} if content else {})}
        try:
            _, url, sent_headers, _, _ = await self._api.param_serialize(
                verb, path, query_params=list(query.items()), header_params=headers,
                auth_settings=["BearerToken"],
            )  # fmt: skip
            reply = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
                verb, url, headers=sent_headers, body=body, _request_timeout=timeout
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"the API server cannot be reached: {error}") from error
        response: aiohttp.ClientResponse = reply.response
        return response
