"""The page of a DAG in Airflow, generated from the code, and its owner."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import conf

from include import adapters, applications, clusters, k8s_operators
from include.study import presets
from plugins.report_view import PREFIX, STUDIES_ROUTE

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


def dag_page(text: str | None, params: Mapping[str, Param], *, trend_of: str | None = None) -> str:
    """A DAG's docstring, then its choices and every field of its form, as Markdown.

    `trend_of` is the DAG's name when it runs a study every night.
    """
    link = f"[The trend of its nights]({_base()}/{PREFIX}/trend/{trend_of})" if trend_of else ""
    parts = [text or "", link, _presets(), *(_room(title) for title in ROOMS), _fields(params)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def owner_links() -> dict[str, str]:
    """Link of the owner: `OPERATOR_BENCHMARK_CONTACT`, or the list of studies.

    The variable is a web address, or `mailto:` with a mail address.
    """
    base = _base()
    studies = f"{base}/plugin/{STUDIES_ROUTE}" if base else ""
    link = os.environ.get(CONTACT_VARIABLE) or studies
    return {OWNER: link} if link else {}


def _base() -> str:
    """The address of this Airflow, empty where none is set."""
    base: str = conf.get("api", "base_url", fallback="").rstrip("/")
    return base


def _presets() -> str:
    names = presets.by_cost()
    lines = [f"- `{name}`: {presets.title(name)} {_json(presets.load(name))}" for name in names]
    return "## Presets\n\n" + "\n".join(lines)


def _room(title: str) -> str:
    package = ROOMS[title]
    lines = [f"- `{name}`: {adapters.summary(package, name)}" for name in package.available()]
    return f"## {title}\n\n" + "\n".join(lines)


def _fields(params: Mapping[str, Param]) -> str:
    """A list, as Airflow also shows it in windows too narrow for a table."""
    lines = [
        f"- **{param.schema.get('title')}**, `{name}`, at first {_json(param.value)}: "
        f"{param.description}"
        for name, param in params.items()
    ]
    return "## Fields of the form\n\n" + "\n".join(lines)


def _json(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"
