"""Reads answers from an API server's address, which may not be an API server's."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from include.errors import ClusterError

if TYPE_CHECKING:
    from kubernetes.client.exceptions import ApiException
    from urllib3.response import BaseHTTPResponse

UNAUTHORIZED = 401
FORBIDDEN = 403
# Invalid, not served, not acceptable: neither rate limits nor an expired version.
LASTING = frozenset({400, 405, 406, 413, 415, 422})
EXCERPT = 80  # characters of an unexpected page
_TAG = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class Refused(ClusterError):
    """The API server answered and refuses; asking again does not help."""


class AccessRefused(Refused):
    """The credential is no longer valid, or lacks a right; waiting does not help."""


def content(response: BaseHTTPResponse, *, host: str) -> bytes:
    """The complete answer; ClusterError when it breaks off."""
    try:
        return bytes(response.data)
    except HTTPError as err:
        raise ClusterError(f"the answer of {host} broke off: {err}") from err


def json_object(response: BaseHTTPResponse, *, host: str) -> dict[str, Any]:
    """The JSON object in an answer; ClusterError for a failure, or a foreign answer."""
    data = content(response, host=host)
    try:
        body = json.loads(data)
    except ValueError as err:
        raise ClusterError(_stranger(host, response.headers, data)) from err
    if not isinstance(body, dict):
        raise ClusterError(_stranger(host, response.headers, data))
    if body.get("kind") == "Status" and body.get("status") == "Failure":
        raise ClusterError(f"{host} answered with a failure: {status_text(body)}")
    return body


def listed(body: dict[str, Any], *, host: str) -> tuple[list[dict[str, Any]], str]:
    """Items and version of a list; ClusterError for anything else."""
    metadata = body.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    items = body.get("items", ())
    if items is None:  # how some servers write an empty list
        items = []
    if not isinstance(items, list) or not isinstance(version, str):
        keys = ", ".join(sorted(map(str, body))) or "nothing"
        msg = f"{host} answered a list without items or version: it has {keys}"
        raise ClusterError(msg)
    if not all(is_object(item) for item in items):
        raise ClusterError(f"{host} answered a list with items that are no Kubernetes objects")
    return [without_nulls(item) for item in items], version


def kubernetes_object(body: dict[str, Any], *, host: str) -> dict[str, Any]:
    """The object in an answer; ClusterError for anything without a name."""
    if not is_object(body):
        keys = ", ".join(sorted(map(str, body))) or "nothing"
        raise ClusterError(f"{host} answered with no Kubernetes object: it has {keys}")
    return without_nulls(body)


def without_nulls(obj: dict[str, Any]) -> dict[str, Any]:
    """The object without null fields and items, which mean the same as absent ones."""
    return {name: _without_nulls(value) for name, value in obj.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return without_nulls(value)
    if isinstance(value, list):
        return [_without_nulls(each) for each in value if each is not None]
    return value


def is_object(value: object) -> bool:
    """True if a value looks like a Kubernetes object: it has metadata with a name."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str)


def has_labels(obj: dict[str, Any], selector: str) -> bool:
    """True if an object has all labels of a selector such as `a=b,c`: `c` with any value."""
    labels = obj["metadata"].get("labels", {})
    pairs = (pair.partition("=") for pair in selector.split(",") if pair)
    return all(
        labels.get(name) == value if is_valued else name in labels
        for name, is_valued, value in pairs
    )


def server_date(response: BaseHTTPResponse, *, host: str) -> datetime:
    """The server's clock; ClusterError for an answer without it."""
    content(
        response, host=host
    )  # a body left unread would keep the connection from being used again
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError) as err:
        msg = f"the answer of {host} lacks a Date, which a proxy may have taken out"
        raise ClusterError(msg) from err


def is_page(err: ApiException) -> bool:
    """True if a refusal is a page for browsers, which no API server sends."""
    return "html" in (err.headers or {}).get("Content-Type", "").lower()


def refused(err: ApiException, *, method: str, path: str, host: str) -> ClusterError:
    """The exception for a refusal."""
    if is_page(err):
        page = _stranger(host, err.headers or {}, err.body or b"")
        return ClusterError(f"{method} {path} ({err.status}): {page}")
    if err.status == UNAUTHORIZED:
        text = "the credential is not valid or has expired; renew it"
        return AccessRefused(f"{method} {path}: {text}")
    if err.status == FORBIDDEN and (method == "GET" or " cannot " in _message(err)):
        return AccessRefused(f"{method} {path}: the credential lacks the right: {_message(err)}")
    if err.status == FORBIDDEN:  # a quota, a policy, a namespace being deleted
        return Refused(f"{method} {path}: the cluster does not admit it: {_message(err)}")
    if not err.status:  # the connection itself failed
        return ClusterError(f"no answer from {host}: {err.reason}")
    kind = Refused if err.status in LASTING else ClusterError
    return kind(f"{method} {path}: the API server refused ({err.status}): {_message(err)}")


def status_text(status: dict[str, Any]) -> str:
    """The message of a Status object in one line."""
    code = f" ({status['code']})" if "code" in status else ""
    return f"{status.get('message') or status.get('reason') or 'no message'}{code}"


def _message(err: ApiException) -> str:
    try:
        return str(json.loads(err.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(err.reason)


def _stranger(host: str, headers: Any, data: bytes | str) -> str:
    text = data if isinstance(data, str) else data.decode(errors="replace")
    words = " ".join(_TAG.sub(" ", text).split())[:EXCERPT]
    kind = headers.get("Content-Type", "no content type").partition(";")[0]
    return (
        f"no Kubernetes API answers at {host}, but {kind}: {json.dumps(words)}; look at the "
        f"server's address, and whether a proxy or a login stands before it"
    )
