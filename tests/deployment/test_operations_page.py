"""What docs/operations.md says of Airflow is true of the Airflow that is installed."""

from __future__ import annotations

import re
from pathlib import Path

import airflow
import yaml

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
REGISTRY = Path(airflow.__file__).parent / "_shared/observability/metrics/metrics_template.yaml"


def test_the_metrics_that_are_worth_an_alarm_are_airflows():
    known = {metric["name"] for metric in yaml.safe_load(REGISTRY.read_text())["metrics"]}
    section = PAGE.partition("## Metrics")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z]+[a-z_.]*[._][a-z_]+)`", section)) - {"dag_id"}
    assert named
    assert named <= known
