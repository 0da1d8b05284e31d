"""A thin client over the official one: plain dicts, time limits, and the server's own clock."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from include.errors import ClusterError
from include.kube import answers, kubeconfig
from include.kube.kinds import POD, ResourceKind

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from urllib3.response import BaseHTTPResponse

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
HEALTH_TIMEOUT_S = 5.0
FIELD_MANAGER = "operator-benchmark"
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
NOT_FOUND = 404
CONFLICT = 409
ANSWERED_BY_CALLER = (NOT_FOUND, CONFLICT)
# A create repeated after a lost answer gives a conflict, which callers take as adoption.
RETRY = Retry(
    total=4,
    backoff_factor=0.3,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Objects of one kind at one moment."""

    items: tuple[dict[str, Any], ...]
    resource_version: str
    server_date: datetime  # the API server's clock, whole seconds


class Kube:
    """The API server as one credential sees it, with one namespace as the default."""

    def __init__(self, api: client.ApiClient, *, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self._kinds: dict[tuple[str, str], ResourceKind] = {}

    @classmethod
    def from_kubeconfig(
        cls, path: Path | str, *, namespace: str, context: str | None = None
    ) -> Kube:
        """A client for a kubeconfig file; ClusterError when it is missing or unusable."""
        settings = kubeconfig.settings_of(path, context=context)
        settings.retries = RETRY
        return cls(client.ApiClient(settings), namespace=namespace)

    def in_namespace(self, namespace: str) -> Kube:
        """The same credential with another default namespace."""
        return Kube(self.api, namespace=namespace)

    def close(self) -> None:
        """Release the connections."""
        self.api.close()
        if "_impatient" in self.__dict__:
            self._impatient.close()

    def server_version(self) -> str:
        """The API server's version, such as `v1.36.2`; ClusterError when it is unreachable."""
        answer = self._json(self.request("GET", "/version"))
        if not isinstance(version := answer.get("gitVersion"), str):
            raise ClusterError(f"what answers at {self._host} tells no version of Kubernetes")
        return version

    def require_answer(self, *, timeout_s: float = HEALTH_TIMEOUT_S) -> None:
        """Ask the API server once if it is ready; ClusterError when it is not, or is silent.

        It counts as ready when this credential may not ask: at least it answers.
        """
        try:
            self._impatient.request("GET", "/readyz", timeout_s=timeout_s).read()
        except (answers.AccessRefused, ApiException):
            return
        except HTTPError as err:
            raise ClusterError(f"no answer from {self._host}: {err}") from err

    def get(self, kind: ResourceKind, name: str) -> dict[str, Any] | None:
        """The object of that name, or None."""
        try:
            return self._object(self.request("GET", self.path(kind, name)))
        except ApiException as err:
            if err.status == NOT_FOUND:
                return None
            raise

    def list(self, kind: ResourceKind, *, selector: str = "") -> Listing:
        """Objects with the labels; ApiException (404) for a kind that the cluster lacks."""
        response = self.request("GET", self.path(kind), query={"labelSelector": selector})
        items, version = answers.listed(self._json(response), host=self._host)
        date = answers.server_date(response, host=self._host)
        return Listing(items=tuple(items), resource_version=version, server_date=date)

    def create(self, obj: dict[str, Any]) -> dict[str, Any] | None:
        """The created object, or None when one of that name exists.

        ClusterError when its namespace is missing.
        """
        try:
            return self._object(self.request("POST", self.path(self.kind_of(obj)), body=obj))
        except ApiException as err:
            if err.status == CONFLICT:
                return None
            name = f"{obj['kind']} {obj['metadata'].get('name', '')}".strip()
            where = f"is the namespace {self.namespace} still there?"
            raise ClusterError(f"{name} cannot be created (404): {where}") from err

    def apply(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Create or change the object by server-side apply; returns it as stored."""
        path = self.path(self.kind_of(obj), obj["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self._object(
            self.request("PATCH", path, query=query, body=obj, content_type=APPLY_PATCH)
        )

    def merge(
        self, kind: ResourceKind, name: str, change: dict[str, Any], *, subresource: str = ""
    ) -> None:
        """Change parts of an object by a merge patch; does nothing when it is missing."""
        path = self.path(kind, name) + (f"/{subresource}" if subresource else "")
        try:
            self.request("PATCH", path, body=change, content_type=MERGE_PATCH).read()
        except ApiException as err:
            if err.status != NOT_FOUND:
                raise

    def delete(
        self, kind: ResourceKind, name: str, *, grace_s: int | None = None
    ) -> datetime | None:
        """Request deletion with dependents; the server's clock then, None if it was missing."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            response = self.request("DELETE", self.path(kind, name), body=options)
            return answers.server_date(response, host=self._host)
        except ApiException as err:
            if err.status == NOT_FOUND:
                return None
            raise

    def delete_all(
        self, kind: ResourceKind, *, selector: str, grace_s: int | None = None
    ) -> datetime:
        """Request deletion of every object with the labels; returns the server's clock."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        query = {"labelSelector": selector}
        response = self.request("DELETE", self.path(kind), query=query, body=options)
        return answers.server_date(response, host=self._host)

    def open_watch(
        self, kind: ResourceKind, *, selector: str, resource_version: str, timeout_s: int
    ) -> BaseHTTPResponse:
        """A stream of JSON lines with the changes since a version, ended by the server in time."""
        query = {
            "watch": "true",
            "labelSelector": selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_s),
        }
        return self.request("GET", self.path(kind), query=query, timeout_s=timeout_s + 15.0)

    def open_log(self, pod: str, *, container: str, timeout_s: float) -> BaseHTTPResponse:
        """A stream of a container's log from its first line, each with the kubelet's timestamp."""
        query = {"container": container, "follow": "true", "timestamps": "true"}
        return self.request("GET", self._log_path(pod), query=query, timeout_s=timeout_s)

    def read_log(self, pod: str, *, container: str) -> bytes:
        """A container's log so far, each line with the kubelet's timestamp."""
        query = {"container": container, "timestamps": "true"}
        response = self.request("GET", self._log_path(pod), query=query)
        return answers.content(response, host=self._host)

    def _log_path(self, pod: str) -> str:
        return f"{self.path(POD, pod)}/log"

    def kind_of(self, obj: dict[str, Any]) -> ResourceKind:
        """The API server's place for such an object, from its own discovery."""
        key = (obj["apiVersion"], obj["kind"])
        if key not in self._kinds:
            self._kinds[key] = self._discover(*key)
        return self._kinds[key]

    def _discover(self, api_version: str, kind: str) -> ResourceKind:
        group, _, version = api_version.rpartition("/")
        root = f"/apis/{api_version}" if group else f"/api/{version}"
        try:
            served = self._json(self.request("GET", root)).get("resources", ())
        except ApiException as err:
            if err.status != NOT_FOUND:
                raise
            served = ()
        for resource in served:
            if resource["kind"] == kind and "/" not in resource["name"]:
                return ResourceKind(
                    group=group,
                    version=version,
                    plural=resource["name"],
                    kind=kind,
                    namespaced=resource["namespaced"],
                )
        msg = f"the cluster knows no {kind} of {api_version}: is its controller installed?"
        raise ClusterError(msg)

    def path(self, kind: ResourceKind, name: str = "") -> str:
        """The URL path of a kind, or of one object."""
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        place = f"/namespaces/{self.namespace}" if kind.namespaced else ""
        return f"{root}{place}/{kind.plural}" + (f"/{quote(name)}" if name else "")

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> BaseHTTPResponse:
        """One call, unread; ApiException for a missing object or a conflict.

        ClusterError for any other refusal, and when there is no answer.
        """
        headers = {"Accept": "application/json, */*", "Content-Type": content_type}
        try:
            response: BaseHTTPResponse = self.api.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
            )
        except ApiException as err:
            if err.status in ANSWERED_BY_CALLER and not answers.is_page(err):
                raise
            raise answers.refused(err, method=method, path=path, host=self._host) from err
        except HTTPError as err:
            raise ClusterError(f"no answer from {self._host}: {err}") from err
        return response

    def asking_once(self) -> Kube:
        """A client with the same credential that retries nothing."""
        settings = copy.copy(self.api.configuration)
        settings.retries = False
        return Kube(client.ApiClient(settings), namespace=self.namespace)

    @cached_property
    def _impatient(self) -> Kube:
        return self.asking_once()

    @property
    def _host(self) -> str:
        return str(self.api.configuration.host)

    def _object(self, response: BaseHTTPResponse) -> dict[str, Any]:
        return answers.kubernetes_object(self._json(response), host=self._host)

    def _json(self, response: BaseHTTPResponse) -> dict[str, Any]:
        return answers.json_object(response, host=self._host)
