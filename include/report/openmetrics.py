"""A study's figures in the OpenMetrics text format, for a metrics store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.report.samples import families

if TYPE_CHECKING:
    from include.report.samples import Family
    from include.results import Results

PREFIX = "operator_benchmark"
_UNITS = {"s": "seconds", "us": "microseconds", "%": "percent"}
_UNIT_OF_NAME = re.compile("_(per_s|s|us|percent)$")  # the unit's full form follows


def openmetrics(results: Results) -> str:
    """A gauge per quantity; FileNotFoundError without a `records.parquet`."""
    lines = [line for family in families(results) for line in _lines(family)]
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def _lines(family: Family) -> list[str]:
    quantity, unit = family.quantity, unit_name(family.quantity.unit)
    name = "_".join((PREFIX, _UNIT_OF_NAME.sub("", quantity.name), unit)).rstrip("_")
    return [
        f"# TYPE {name} gauge",
        *([f"# UNIT {name} {unit}"] if unit else []),
        f"# HELP {name} {_text(quantity.meaning)} [{quantity.unit}], valid repeats.",
        *(f"{name}{{{_labels(each.labels)}}} {each.value!r}" for each in family.samples),
    ]


def unit_name(unit: str) -> str:
    """A unit in the format's characters, in which it ends the metric's name."""
    full = _UNITS.get(unit) or re.sub("/s$", "_per_second", unit).replace("/", "_per_")
    return re.sub("[^a-z0-9]+", "_", full.lower()).strip("_")


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_text(value)}"' for name, value in labels.items())


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
