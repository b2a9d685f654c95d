"""A user's requests to the API server: documents in and out, and logs as they grow.

Beside the operator's own client, which has a brake, a fence and its own name in the audit log: what
a user does is logged under the user's name. Errors are the same tree.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.aio import config as client_config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from trainingrun_reconciler.errors import UnreachableError, error_from

Document = dict[str, Any]

FIELD_MANAGER: Final = "trainingrun-client"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30.0, sock_connect=10.0)
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
_CLOSING_SECONDS: Final = 0.05
_POD_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LONGEST_LINE: Final = 1024 * 1024


class Session:
    """Requests with one user's credentials; all methods raise ``ApiError``."""

    def __init__(self, configuration: Configuration) -> None:
        self._api = ApiClient(configuration)
        self._api.user_agent = FIELD_MANAGER

    async def close(self) -> None:
        """Close the connections; those with TLS need some more turns of the loop to be closed."""
        await self._api.close()  # type: ignore[no-untyped-call]
        await asyncio.sleep(_CLOSING_SECONDS)

    async def get(self, path: str, **query: str) -> Document:
        """Read an object or a list."""
        return await self._request("GET", path, query)

    async def apply(self, path: str, body: Document, *, dry_run: bool = False) -> Document:
        """Server-side apply; unknown fields are refused. ``dry_run`` writes nothing."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return await self._request("PATCH", path, query, body=body, content=APPLY)

    async def merge(self, path: str, body: Document) -> Document:
        """Change some fields; with a resource version in ``body``, only of that version."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("PATCH", path, query, body=body, content=MERGE)

    async def delete(self, path: str) -> None:
        """Delete an object; what it owns goes after it."""
        await self._request(
            "DELETE", path, {}, body={"propagationPolicy": "Background"}, content=JSON
        )

    async def lines(self, path: str, **query: str) -> AsyncIterator[str]:
        """Lines of a text as they come, until it ends; long ones are cut."""
        answer = await self._send("GET", path, query, accept="*/*", timeout=_STREAM)
        try:
            if answer.status != 200:
                raise error_from(answer.status, await answer.read(), f"GET {path}")
            rest = b""
            async for chunk in answer.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
                rest = rest[:_LONGEST_LINE]
            if rest:
                yield rest.decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"GET {path} broke off: {error}") from error
        finally:
            answer.close()

    async def _request(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Document | None = None,
        content: str | None = None,
    ) -> Document:
        answer = await self._send(verb, path, query, body=body, content=content)
        try:
            data = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"{verb} {path} broke off: {error}") from error
        if not 200 <= answer.status < 300:
            raise error_from(answer.status, data, f"{verb} {path}")
        found: Document = json.loads(data)
        return found

    async def _send(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Document | None = None,
        content: str | None = None,
        accept: str = JSON,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": accept, **({"Content-Type": content} if content else {})}
        try:
            _, url, sent_headers, _, _ = await self._api.param_serialize(
                verb,
                path,
                query_params=list(query.items()),
                header_params=headers,
                auth_settings=["BearerToken"],
            )
            reply = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
                verb, url, headers=sent_headers, body=body, _request_timeout=timeout
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or type(error).__name__
            raise UnreachableError(f"the API server cannot be reached: {why}") from error
        response: aiohttp.ClientResponse = reply.response
        return response


def has_credentials(kubeconfig: Path | None = None) -> bool:
    """Return whether a cluster is configured here at all; nothing is asked."""
    return (_POD_FOLDER / "token").is_file() or any(
        Path(part).expanduser().is_file() for part in _files(kubeconfig)
    )


def default_place(kubeconfig: Path | None, context: str | None) -> tuple[str, str]:
    """Name of the context, and its namespace, as kubectl would take them.

    A pod without a kubeconfig has its own namespace, and no context.
    """
    if not any(Path(part).expanduser().is_file() for part in _files(kubeconfig)):
        file = _POD_FOLDER / "namespace"
        return "", file.read_text().strip() if file.is_file() else "default"
    try:
        contexts, current = client_config.list_kube_config_contexts(  # type: ignore[no-untyped-call]
            ":".join(_files(kubeconfig))
        )
    except client_config.ConfigException:
        return context or "", "default"  # loading it reports what is wrong with it
    chosen = current if context is None else _named(contexts, context)
    details = (chosen or {}).get("context") or {}
    return (chosen or {}).get("name") or context or "", details.get("namespace") or "default"


def known_contexts() -> list[str]:
    """Contexts of the kubeconfig that kubectl would use; none where there is no valid one."""
    if not any(Path(part).expanduser().is_file() for part in _files(None)):
        return []
    try:
        contexts, _ = client_config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except client_config.ConfigException:
        return []
    return sorted(str(each["name"]) for each in contexts)


def _named(contexts: list[Document], name: str) -> Document | None:
    return next((each for each in contexts if each.get("name") == name), None)


def _files(kubeconfig: Path | None) -> list[str]:
    if kubeconfig is not None:
        return [str(kubeconfig)]
    location: str = client_config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    return [part for part in location.split(":") if part]
