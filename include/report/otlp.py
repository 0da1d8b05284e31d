"""A study's figures as OTLP, OpenTelemetry's protocol, in its JSON form over HTTP.

Format: `ExportMetricsServiceRequest` of opentelemetry-proto 1.x, sent to `/v1/metrics`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests

from include.errors import BenchmarkError
from include.report.digest import read_digest
from include.report.samples import families

if TYPE_CHECKING:
    from include.report.samples import Family
    from include.results import Results

PREFIX = "operator_benchmark"
PATH = "/v1/metrics"
TIME_LIMIT_S = 10.0


class ExportFailed(BenchmarkError):
    """A collector that did not accept the figures."""


def request_of(results: Results) -> dict[str, Any]:
    """A gauge per quantity, timestamped with the end of the study's last run.

    FileNotFoundError without a `records.parquet`.
    """
    digest = read_digest(results)
    at = (digest.ended_at if digest else None) or datetime.now(UTC)
    nanoseconds = str(int(at.timestamp() * 1e6) * 1000)  # 64-bit numbers are strings in its JSON
    metrics = [_metric(family, nanoseconds) for family in families(results)]
    resource = {"attributes": _attributes({"service.name": PREFIX})}
    scope = {"scope": {"name": PREFIX}, "metrics": metrics}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}


def send(results: Results, *, collector: str) -> int:
    """Post the figures to a collector's address; returns their number, ExportFailed if refused."""
    content = request_of(results)
    address = collector.rstrip("/").removesuffix(PATH) + PATH
    try:
        answer = requests.post(address, json=content, timeout=TIME_LIMIT_S, allow_redirects=False)
    except requests.RequestException as err:
        raise ExportFailed(f"{address} does not answer: {type(err).__name__}") from err
    if answer.status_code != requests.codes.ok:
        raise ExportFailed(f"{address} answers {answer.status_code}: {answer.text[:200]}")
    scopes = content["resourceMetrics"][0]["scopeMetrics"]
    return sum(len(each["gauge"]["dataPoints"]) for each in scopes[0]["metrics"])


def _metric(family: Family, nanoseconds: str) -> dict[str, Any]:
    quantity = family.quantity
    points = [
        {
            "attributes": _attributes(each.labels),
            "timeUnixNano": nanoseconds,
            "asDouble": each.value,
        }
        for each in family.samples
    ]
    return {
        "name": f"{PREFIX}.{quantity.name}",
        "description": quantity.meaning,
        "unit": quantity.unit,
        "gauge": {"dataPoints": points},
    }


def _attributes(labels: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in labels.items()]
