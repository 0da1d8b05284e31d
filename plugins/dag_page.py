"""The page of a DAG in Airflow, made from the code, and its owner."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import conf

from include import adapters, applications, clusters, k8s_operators
from include.study import presets
from plugins.report_view import STUDIES_ROUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Param

OWNER = "operator-benchmark"
CONTACT_VARIABLE = "OPERATOR_BENCHMARK_CONTACT"
ROOMS = {
    "Kubernetes operators": k8s_operators,
    "Applications": applications,
    "Clusters": clusters,
}


def dag_page(text: str | None, params: Mapping[str, Param]) -> str:
    """A DAG's docstring, then what can be chosen and every field of its form, as Markdown."""
    parts = [text or "", _presets(), *(_room(title) for title in ROOMS), _fields(params)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def owner_links() -> dict[str, str]:
    """Where a click on the owner leads: `OPERATOR_BENCHMARK_CONTACT`, or the list of studies.

    The variable is a web address, or `mailto:` with one of mail.
    """
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    studies = f"{base}/plugin/{STUDIES_ROUTE}" if base else ""
    link = os.environ.get(CONTACT_VARIABLE) or studies
    return {OWNER: link} if link else {}


def _presets() -> str:
    names = presets.available()
    lines = [f"- `{name}`: {presets.title(name)} {_json(presets.load(name))}" for name in names]
    return "## Presets\n\n" + "\n".join(lines)


def _room(title: str) -> str:
    package = ROOMS[title]
    lines = [f"- `{name}`: {adapters.summary(package, name)}" for name in package.available()]
    return f"## {title}\n\n" + "\n".join(lines)


def _fields(params: Mapping[str, Param]) -> str:
    """A list, as Airflow shows it in a window too narrow for a table."""
    lines = [
        f"- **{param.schema.get('title')}**, `{name}`, at first {_json(param.value)}: "
        f"{param.description}"
        for name, param in params.items()
    ]
    return "## Fields of the form\n\n" + "\n".join(lines)


def _json(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"
