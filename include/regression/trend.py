"""The data of the trend page: each group's nights with their intervals, and the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.models.figures import in_a_sentence
from include.regression import trend_page
from include.regression.alerts import Source as Told
from include.regression.findings import is_same_shift
from include.regression.rules import DEFAULT, LEVEL
from include.regression.series import Night, centre, centres_of
from include.regression.trend_models import FILE, PAGE, Group, Mark, Point, Trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.analysis.quantities import Quantity
    from include.regression.alerts import Alert
    from include.regression.findings import ChangePoint, Findings
    from include.regression.nights import Nights, Source
    from include.regression.series import Series
    from include.results import Results

RESAMPLES = 1000
LEAST_REPEATS = 3  # fewest repeats for a bootstrap interval


def store(
    files: Results,
    nights: Nights,
    *,
    series: str,
    quantity: Quantity,
    findings: Findings | None,
    alerts: Sequence[Alert],
) -> None:
    """Write `trend.json` and `trend.html` into the folder of a series of nights."""
    groups = tuple(
        _group(each, nights, findings=findings, alerts=alerts)
        for each in (nights.history.series if nights.history else ())
    )
    axis = f"{in_a_sentence(quantity.title)} [{quantity.unit}]"
    trend = Trend(series=series, quantity=quantity.name, axis=axis, groups=groups)
    files.write_json(FILE, trend.to_json())
    title = f"Trend of {series}"
    files.write_text(PAGE, trend_page.render(trend, title=title, link=trend_page.link_in_results))


def _group(
    series: Series, nights: Nights, *, findings: Findings | None, alerts: Sequence[Alert]
) -> Group:
    sources = nights.sources[series.group]
    changes = [
        change
        for change in (findings.change_points if findings else ())
        if change.group == series.group
    ]
    marks = [
        *(_mark(change, nights) for change in changes),
        *(_mark_of_alert(alert) for alert in alerts if _is_alone(alert, series, changes)),
    ]
    last = next(reversed(sources.values()))[-1].cell.configuration
    return Group(
        group=series.group,
        simulated=bool(last.get("simulated")),
        points=tuple(
            _point(night, values, sources[night], is_rate=series.is_rate)
            for night, values in zip(series.nights, series.repeats, strict=True)
        ),
        marks=tuple(sorted(marks, key=lambda mark: mark.night)),
        no_data=_no_data(series.group, nights),
    )


def _mark(change: ChangePoint, nights: Nights) -> Mark:
    return Mark(
        night=str(change.night.label),
        relative_effect=change.relative_effect,
        low=change.low,
        high=change.high,
        reason=change.reason,
        rate_unit=change.rate_unit,
        differs=nights.differences(change.group, change.last_before, change.night),
    )


def _mark_of_alert(alert: Alert) -> Mark:
    return Mark(
        night=str(alert.night),
        relative_effect=alert.relative_effect,
        low=alert.low,
        high=alert.high,
        differs=alert.differs,
        rate_unit=alert.rate_unit,
    )


def _is_alone(alert: Alert, series: Series, changes: Iterable[ChangePoint]) -> bool:
    """True if a confirmation alone shows a regression, in a night that is still kept."""
    return (
        alert.group == series.group
        and alert.source is Told.CONFIRMATION
        and Night.read(str(alert.night)) >= series.nights[0]
        and not any(
            change.is_regression and is_same_shift(change.night, alert.night, DEFAULT)
            for change in changes
        )
    )


def _no_data(group: str, nights: Nights) -> tuple[str, ...]:
    """Nights with a failed or missing point, and nights without a run."""
    gaps = nights.history.no_data if nights.history else ()
    days = {
        gap.first.at(day)
        for gap in gaps
        if gap.group == group
        for day in range(gap.first.day, gap.last.day + 1)
    }
    return tuple(str(night.label) for night in sorted(days | set(nights.without(group))))


def _point(
    night: Night, values: Sequence[float], sources: Iterable[Source], *, is_rate: bool
) -> Point:
    study = list(sources)[-1].study
    ends = _interval(values)
    value = float(np.exp(centre(values)))
    if is_rate:
        value, ends = 1 / value, (1 / ends[1], 1 / ends[0]) if ends else None
    return Point(
        night=str(night.label),
        value=value,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        repeats=len(values),
        study_id=study.study_id,
        dag_id=study.dag_id,
        run_id=study.run_id,
    )


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The bootstrap interval of a night's centre; None for too few repeats."""
    if len(values) < LEAST_REPEATS:
        return None
    random = np.random.default_rng(1)
    drawn = random.choice(np.asarray(values), (RESAMPLES, len(values)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.exp(centres_of(drawn)), [tail, 1 - tail])
    return float(low), float(high)
