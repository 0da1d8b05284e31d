"""The report as one self-contained HTML file: no script, no external link."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from include.analysis.intervals import LEAST_N, LEVEL
from include.analysis.labels import (
    NONE,
    amount,
    count,
    operator_title,
    p_value,
    seconds,
    signed,
    signed_amount,
)
from include.analysis.phases import clock_note
from include.analysis.quantities import compared, primaries
from include.analysis.summary import column, known_quantities
from include.models.figures import in_a_sentence
from include.models.timeline import PHASES
from include.report.run_list import LAUNCHER, OUTLIER_PERCENT, cell_of
from include.report.verdict_text import verdict_lines

if TYPE_CHECKING:
    from include.report.content import Content

TEMPLATE = "report.html.j2"
_ONLY_IN_FILES = re.compile(r'<metadata>.*?</metadata>\s*|\sxmlns(:\w+)?="[^"]*"', re.DOTALL)
CONTENTS = "<!-- contents -->"  # place of the links to the headings, which are known at the end
_HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>')
_SIZE = re.compile(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_PERCENT = re.compile(r"(?<=\d) %")
_PROVENANCE = {
    "image": "Image",
    "image_digest": "Image digest",
    "kubernetes_version": "Kubernetes",
    "instance_type": "Instance type",
    "mpi_implementation": "MPI",
    "binding": "Binding",
    "code_version": "Version of this pipeline",
    "order_seed": "Seed of the order",
    "cluster": "Cluster",
}
_LAUNCHERS = {  # launchers that operators bring along
    "launcher_version": "Operator's own launcher",
    "launcher_image_digest": "Digest of its image",
}


def render_html(content: Content) -> str:
    """The report's page; every value is escaped."""
    page = _environment().get_template(TEMPLATE).render(**_values(content))
    links = "\n".join(
        f'<a href="#{anchor}">{title}</a>' for anchor, title in _HEADING.findall(page)
    )
    return _PERCENT.sub("\N{NO-BREAK SPACE}%", page.replace(CONTENTS, links))


def _values(content: Content) -> dict[str, Any]:
    analysis = content.analysis
    return {
        "title": content.title,
        "identity": content.identity,
        "headline": content.headline,
        "answer": content.answer,
        "when": content.when,
        "costs": content.costs,
        "runs": content.runs,
        "outliers": [run for run in content.runs if run.is_outlier],
        "has_files": any(run.links for run in content.runs),
        "cells": {cell: list(own) for cell, own in groupby(content.runs, lambda run: run.cell)},
        "merit_axis": next((each.axis for each in primaries(analysis.frame)), LAUNCHER.axis),
        "time_scale": _time_scale(analysis.frame),
        "verdicts": verdict_lines(analysis),
        "has_intervals": bool(analysis.comparisons["low_percent"].notna().any()),
        "tally": content.tally,
        "noun": content.noun,
        "summary": analysis.summary.to_dict(orient="records"),
        "titles": {each.name: each.title for each in compared(analysis.frame)},
        "steps_s": {each.name: each.step_s for each in compared(analysis.frame)},
        "all_times": all(each.unit == "s" for each in compared(analysis.frame)),
        "merit": " and ".join(in_a_sentence(each.title) for each in primaries(analysis.frame)),
        "quantities": known_quantities(analysis.frame, analysis.summary),
        "comparisons": analysis.comparisons.to_dict(orient="records"),
        "drifts": analysis.drifts.dropna(subset=["spearman_rho"]).to_dict(orient="records"),
        "scaling": analysis.scaling.to_dict(orient="records"),
        "phases": _with_phases(analysis.phases),
        "known_phases": {
            name: stretch for name, stretch in PHASES.items() if analysis.phases[name].notna().any()
        },
        "clock_note": clock_note(analysis.frame),
        "drawings": content.drawings,
        "originals": content.originals,
        "cost": content.cost,
        "sections": content.sections,
        "provenance": provenance(analysis.frame),
        "versions": _versions(analysis.frame),
        "notes": content.notes,
    }


def _time_scale(records: pd.DataFrame) -> str | None:
    """Ratio of played applications' waiting to their logs' times; None for real runs."""
    scales = sorted(set(records.loc[records["simulated"], "time_scale"]))
    return " or ".join(f"{scale:g}" for scale in scales if scale != 1) or None


def _with_phases(phases: pd.DataFrame) -> list[dict[Any, Any]]:
    known = phases[phases[list(PHASES)].notna().any(axis=1)]
    return known.to_dict(orient="records")


def provenance(records: pd.DataFrame) -> list[tuple[str, list[tuple[str, str]]]]:
    """The environment of the records, one list per study, with all values of a name."""
    return [
        (str(study), _provenance(runs)) for study, runs in records.groupby("study_id", sort=False)
    ]


def _provenance(records: pd.DataFrame) -> list[tuple[str, str]]:
    rows = [(title, _distinct(records[name])) for name, title in _PROVENANCE.items()]
    launchers = [
        (title, _distinct(records[name].dropna()))
        for name, title in _LAUNCHERS.items()
        if name in records and records[name].notna().any()
    ]
    return [*rows, *launchers, ("Node names", _node_names(records))]


def _node_names(records: pd.DataFrame) -> str:
    """The runs' node names; a common domain is given once, at the end."""
    distinct = sorted({node for names in records["node_names"] for node in names.split()})
    domains = {name.partition(".")[2] for name in distinct}
    if len(distinct) > 1 and len(domains) == 1 and (domain := domains.pop()):
        short = ", ".join(name.partition(".")[0] for name in distinct)
        return f"{len(distinct)} nodes of {domain}: {short}"
    return ", ".join(distinct) or "unknown"


def _versions(records: pd.DataFrame) -> list[tuple[str, str]]:
    groups = records.groupby("k8s_operator", sort=False)["operator_version"]
    return [(operator_title(str(name)), _distinct(values)) for name, values in groups]


def _distinct(values: pd.Series[Any]) -> str:
    texts = [str(value) for value in values.dropna().unique()]
    if values.isna().any() and texts:
        texts.append("unknown for some points")
    return ", ".join(texts) or "unknown"


def _inline(svg: bytes) -> Markup:
    """The drawing as part of the page, so that its text can be searched and copied.

    Matplotlib has escaped its text; parts that only a separate file needs are left out.
    """
    text = svg.decode()
    bare = _ONLY_IN_FILES.sub("", text[text.index("<svg") :])
    return Markup(bare)  # noqa: S704  see above


def _is_tall(svg: bytes) -> bool:
    """True for a drawing higher than wide: in print it gets its own page."""
    size = _SIZE.search(svg)
    return size is not None and float(size[2]) > float(size[1])


def _size(value: Any) -> str:
    return "unknown" if pd.isna(value) else f"{value:,}"


def _signed(value: float, digits: int = 1) -> str:
    return NONE if pd.isna(value) else signed(value, digits)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("include.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "seconds": seconds,
        "amount": amount,
        "signed_amount": signed_amount,
        "size": _size,
        "signed": _signed,
        "p_value": p_value,
        "operator": operator_title,
        "inline": _inline,
    }
    environment.globals |= {
        "column": column,
        "cell_of": cell_of,
        "count": count,
        "isna": pd.isna,
        "LEAST_N": LEAST_N,
        "is_tall": _is_tall,
        "OUTLIER_PERCENT": f"{OUTLIER_PERCENT:.0f}",
        "LEVEL_PERCENT": f"{100 * LEVEL:.0f}",
    }
    return environment
