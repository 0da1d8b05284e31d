"""A thin client over the official one: plain dicts, time limits, and the server's own clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from include.errors import ClusterError
from include.kube.kinds import POD, ResourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from urllib3.response import BaseHTTPResponse

REQUEST_TIMEOUT_S = 30.0
FIELD_MANAGER = "operator-benchmark"
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
NOT_FOUND = 404
CONFLICT = 409
ANSWERED_BY_CALLER = (NOT_FOUND, CONFLICT)
UNAUTHORIZED = 401
FORBIDDEN = 403
# A create that is repeated after a lost answer gives a conflict, which callers take as adoption.
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
        """A client for a kubeconfig file; ClusterError when it is absent or cannot be used."""
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123  path may be a str
                loaded = yaml.safe_load(file)
            settings = client.Configuration()
            settings.retries = RETRY
            loader = config.kube_config.KubeConfigLoader(
                loaded, active_context=context, config_base_path=str(path).rpartition("/")[0]
            )
            loader.load_and_set(settings)
        except OSError as err:
            msg = f"kubeconfig {path} cannot be read: {err.strerror}; name a file that exists"
            raise ClusterError(msg) from err
        except (ConfigException, yaml.YAMLError, TypeError, AttributeError) as err:
            msg = f"kubeconfig {path} cannot be used: {err}"
            raise ClusterError(msg) from err
        return cls(client.ApiClient(settings), namespace=namespace)

    def in_namespace(self, namespace: str) -> Kube:
        """The same credential with another default namespace."""
        return Kube(self.api, namespace=namespace)

    def close(self) -> None:
        """Release the connections."""
        self.api.close()

    def server_version(self) -> str:
        """The API server's version, as `v1.36.2`; ClusterError when it cannot be reached."""
        version: str = _json(self.request("GET", "/version"))["gitVersion"]
        return version

    def get(self, kind: ResourceKind, name: str) -> dict[str, Any] | None:
        """The object of that name, or None."""
        try:
            return _json(self.request("GET", self.path(kind, name)))
        except ApiException as err:
            if err.status == NOT_FOUND:
                return None
            raise

    def list(self, kind: ResourceKind, *, selector: str = "") -> Listing:
        """Objects that have the labels; ApiException (404) for a kind that the cluster lacks."""
        response = self.request("GET", self.path(kind), query={"labelSelector": selector})
        body = _json(response)
        return Listing(
            items=tuple(body["items"]),
            resource_version=body["metadata"]["resourceVersion"],
            server_date=_server_date(response),
        )

    def create(self, obj: dict[str, Any]) -> dict[str, Any] | None:
        """The created object, or None when one of that name is already there."""
        try:
            return _json(self.request("POST", self.path(self.kind_of(obj)), body=obj))
        except ApiException as err:
            if err.status == CONFLICT:
                return None
            raise

    def apply(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Create or change the object by server-side apply; returns it as stored."""
        path = self.path(self.kind_of(obj), obj["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return _json(self.request("PATCH", path, query=query, body=obj, content_type=APPLY_PATCH))

    def merge(
        self, kind: ResourceKind, name: str, change: dict[str, Any], *, subresource: str = ""
    ) -> None:
        """Change parts of an object by a merge patch; nothing when it is not there."""
        path = self.path(kind, name) + (f"/{subresource}" if subresource else "")
        try:
            self.request("PATCH", path, body=change, content_type=MERGE_PATCH).read()
        except ApiException as err:
            if err.status != NOT_FOUND:
                raise

    def delete(
        self, kind: ResourceKind, name: str, *, grace_s: int | None = None
    ) -> datetime | None:
        """Ask for deletion, dependents too; the server's clock then, None when it was not there."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            return _server_date(self.request("DELETE", self.path(kind, name), body=options))
        except ApiException as err:
            if err.status == NOT_FOUND:
                return None
            raise

    def delete_all(
        self, kind: ResourceKind, *, selector: str, grace_s: int | None = None
    ) -> datetime:
        """Ask for deletion of every object with the labels; returns the server's clock."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        query = {"labelSelector": selector}
        return _server_date(self.request("DELETE", self.path(kind), query=query, body=options))

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
        """A stream of a container's log from its first line, each with the kubelet's stamp."""
        query = {"container": container, "follow": "true", "timestamps": "true"}
        path = f"{self.path(POD, pod)}/log"
        return self.request("GET", path, query=query, timeout_s=timeout_s)

    def kind_of(self, obj: dict[str, Any]) -> ResourceKind:
        """Where the API server keeps such an object, from its own discovery."""
        key = (obj["apiVersion"], obj["kind"])
        if key not in self._kinds:
            self._kinds[key] = self._discover(*key)
        return self._kinds[key]

    def _discover(self, api_version: str, kind: str) -> ResourceKind:
        group, _, version = api_version.rpartition("/")
        root = f"/apis/{api_version}" if group else f"/api/{version}"
        try:
            served = _json(self.request("GET", root))["resources"]
        except ApiException as err:
            if err.status != NOT_FOUND:
                raise
            served = []
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
        """One call, unread; ApiException for a refusal, ClusterError when there is no answer."""
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
                _request_timeout=(10.0, timeout_s),
            )
        except ApiException as err:
            if err.status in ANSWERED_BY_CALLER:
                raise
            raise ClusterError(_refused(err, method=method, path=path)) from err
        except HTTPError as err:
            msg = f"no answer from {self.api.configuration.host}: {err}"
            raise ClusterError(msg) from err
        return response


def _refused(err: ApiException, *, method: str, path: str) -> str:
    if err.status == UNAUTHORIZED:
        return f"{method} {path}: the credential is not valid or has expired; renew it"
    if err.status == FORBIDDEN:
        return f"{method} {path}: the credential lacks the right: {_message(err)}"
    return f"{method} {path}: the API server refused ({err.status}): {_message(err)}"


def _message(err: ApiException) -> str:
    try:
        return str(json.loads(err.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(err.reason)


def _json(response: BaseHTTPResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.data)
    return body


def _server_date(response: BaseHTTPResponse) -> datetime:
    response.read()  # a body left unread would keep the connection from being used again
    return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
