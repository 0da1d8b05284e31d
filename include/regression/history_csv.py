"""Reads a history from a table with a row per repeat: `night, group, value`."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from include.models import Better
from include.regression.series import (
    UNKNOWN_UNIT,
    History,
    HistoryError,
    Night,
    Series,
    make_history,
    time_of_day_s,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COLUMNS = ("night", "group", "value")
UNIT = "unit"  # optional column: all values have one unit
BETTER = "better"  # optional column: `higher` for a rate; without it values are times
TIES_ARE_COMMON = 0.25  # share of regular nights with two equal times
LONGEST = 1e100  # largest time in any unit; sums of larger numbers could overflow
FACTOR_OF_UNITS = 30.0  # values further apart are not run times of one thing; min and s: 60
DAY_S = 86_400
QUIET_S = 6 * 3600  # hours of the day without a row: between the nights
NEAR_S = 3 * 3600  # longest gap over midnight within one night
LEAVE_OUT = "leave a failed run out: its night has no data"
WITH_UNIT = re.compile(r"[-+0-9.,eE]+\s*[A-Za-zµ%]+")


@dataclass(frozen=True, kw_only=True)
class _Row:
    line: int
    night: Night
    time_of_day_s: int | None
    group: str
    value: float
    unit: str
    better: Better


def read_history(text: str, *, source: str) -> History:
    """The history in a CSV text; HistoryError with the number of a wrong line.

    `night` is a whole number or an ISO date; with times of day past midnight, a night's repeats
    belong to the date on which it began. `value` is a positive time, or with `better` higher a
    rate, all of one group in one unit. Rows may come in any order.
    """
    rows = over_midnight(list(_rows(text, source)))
    if not rows:
        raise HistoryError(f"{source} is empty: it has no row below its header {_header()}")
    if len({row.night.is_dated for row in rows}) > 1:
        raise HistoryError(f"{source}: some nights are dates, others are numbers; use one of them")
    groups: dict[str, dict[Night, list[_Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row.group][row.night].append(row)
    for group, nights in groups.items():
        _refuse_mixed_units(
            group, [row for rows_of_night in nights.values() for row in rows_of_night], source
        )
        _refuse_duplicates(group, nights, source)
    nights_in_all = {row.night for row in rows}
    if len(nights_in_all) == 1:
        label = next(iter(nights_in_all)).label
        raise HistoryError(
            f"{source} has one night ({label}): nothing can be compared with it; add earlier nights"
        )
    return make_history(_series(group, nights) for group, nights in groups.items())


def _series(group: str, nights: Mapping[Night, Sequence[_Row]]) -> Series:
    ordered = sorted(nights)
    first = nights[ordered[0]][0]
    is_rate = first.better is Better.HIGHER
    return Series(
        group=group,
        nights=tuple(ordered),
        repeats=tuple(
            tuple(1 / row.value if is_rate else row.value for row in nights[night])
            for night in ordered
        ),
        rate_unit=(first.unit or UNKNOWN_UNIT) if is_rate else "",
    )


def _rows(text: str, source: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        lines = (fields for fields in reader if any(map(str.strip, fields)))  # not the blank ones
        header = [name.strip() for name in next(lines, [])]
        if not header:
            raise HistoryError(f"{source} is empty: it needs the header {_header()}")
        _check_header(header, source)
        for fields in lines:
            yield _row(fields, header=header, where=f"{source}, line {reader.line_num}")
    except csv.Error as err:
        raise HistoryError(f"{source}, line {reader.line_num}: no CSV: {err}") from err


def _check_header(header: Sequence[str], source: str) -> None:
    names = set(header)
    if len(names) < len(header) or not set(COLUMNS) <= names <= {*COLUMNS, UNIT, BETTER}:
        raise HistoryError(
            f"{source} has an unknown schema: its columns are {', '.join(header)}; "
            f"expected are {_header()}, and {UNIT} and {BETTER} if you like"
        )


def _row(fields: Sequence[str], *, header: Sequence[str], where: str) -> _Row:
    if len(fields) != len(header):
        raise HistoryError(f"{where}: {len(fields)} fields, the header has {len(header)}")
    row = {name: field.strip() for name, field in zip(header, fields, strict=True)}
    try:
        night, moment = Night.read(row["night"]), time_of_day_s(row["night"])
    except ValueError:
        raise HistoryError(
            f"{where}: night {row['night']!r} is neither a whole number nor a date (2026-01-31)"
        ) from None
    if not row["group"]:
        raise HistoryError(f"{where}: the group is empty")
    line = int(where.rpartition(" ")[2])
    value = _value(row["value"], where)
    return _Row(
        line=line,
        night=night,
        time_of_day_s=moment,
        group=row["group"],
        value=value,
        unit=row.get(UNIT, ""),
        better=_better(row.get(BETTER) or Better.LOWER, where),
    )


def _better(text: str, where: str) -> Better:
    try:
        return Better(text)
    except ValueError:
        raise HistoryError(f"{where}: {BETTER} is {text!r}, neither lower nor higher") from None


def over_midnight(rows: list[_Row]) -> list[_Row]:
    """The rows, with the small hours assigned to the evening before where nights span midnight.

    That is when rows are close to midnight on both sides, and some hours of every day have
    none: in the middle of these hours one night ends and the next begins.
    """
    times = sorted({row.time_of_day_s for row in rows if row.time_of_day_s is not None})
    if len(times) < 2:  # noqa: PLR2004 a gap is between two
        return rows
    gap, begin = max((after - before, before) for before, after in pairwise(times))
    over = DAY_S - times[-1] + times[0]
    if gap < QUIET_S or over > NEAR_S:
        return rows
    noon = begin + gap / 2
    return [
        replace(row, night=row.night.at(row.night.day - 1))
        if row.time_of_day_s is not None and row.time_of_day_s < noon
        else row
        for row in rows
    ]


def _value(text: str, where: str) -> float:
    if not text:
        raise HistoryError(f"{where}: the value is empty; {LEAVE_OUT}")
    try:
        value = float(text)
    except ValueError:
        if WITH_UNIT.fullmatch(text):
            raise HistoryError(
                f"{where}: value {text!r} carries a unit, so units may be mixed; "
                f"give plain numbers, and the unit in a column {UNIT}"
            ) from None
        raise HistoryError(f"{where}: value {text!r} is no number") from None
    if not math.isfinite(value):
        raise HistoryError(f"{where}: value {text!r} is not finite; {LEAVE_OUT}")
    if not 0 < value < LONGEST:
        bound = "must be above 0" if value <= 0 else "is too large"
        raise HistoryError(f"{where}: value {text!r} is no time; it {bound}")
    return value


def _refuse_mixed_units(group: str, rows: Sequence[_Row], source: str) -> None:
    units = sorted({row.unit for row in rows})
    if len(units) > 1:
        named = ", ".join(unit or "none" for unit in units)
        raise HistoryError(f"{source}, group {group}: mixed units ({named}); convert them to one")
    if len({row.better for row in rows}) > 1:
        raise HistoryError(f"{source}, group {group}: of some rows less is better, of others more")
    least, most = (choose(rows, key=lambda row: row.value) for choose in (min, max))
    if most.value > FACTOR_OF_UNITS * least.value:
        raise HistoryError(
            f"{source}, group {group}: mixed units? value {least.value:g} in line {least.line} and "
            f"{most.value:g} in line {most.line} cannot be times of one thing; convert or remove"
        )


def _refuse_duplicates(group: str, nights: Mapping[Night, Sequence[_Row]], source: str) -> None:
    """Refuse duplicate rows; equal times alone happen and are no reason.

    Either most nights have every row twice, as in a file appended to itself, or a night has
    more rows than usual, which the equal ones explain. Where equal times are common, because
    they are coarse or do not vary, the second says nothing.
    """
    usual = median(len(rows) for rows in nights.values())
    ordinary = [rows for rows in nights.values() if len(rows) <= usual]
    are_common = sum(_copies(rows) > 0 for rows in ordinary) > TIES_ARE_COMMON * len(ordinary)
    doubled = _doubled(nights)
    for night, rows in sorted(nights.items()):
        is_surplus = _copies(rows) >= len(rows) - usual > 0 and not are_common
        if is_surplus or night in doubled:
            lines = ", ".join(map(str, _equal_lines(rows)))
            raise HistoryError(
                f"{source}, group {group}, night {night.label}: duplicates: lines {lines} are "
                "equal; remove what is there twice"
            )


def _doubled(nights: Mapping[Night, Sequence[_Row]]) -> set[Night]:
    """Nights with every row twice, if most are like that and not by chance: their values differ."""
    doubled = {night for night, rows in nights.items() if _is_doubled(rows)}
    values = [value for night in doubled for value in {row.value for row in nights[night]}]
    is_chance = 2 * len(set(values)) <= len(values)
    return set() if is_chance or 2 * len(doubled) <= len(nights) else doubled


def _is_doubled(rows: Sequence[_Row]) -> bool:
    """True if each value occurs at least twice, except in repeats that are all equal."""
    counts = Counter(row.value for row in rows)
    in_one_place = abs(rows[-1].line - rows[0].line) < len(rows)
    return min(counts.values()) > 1 and not (len(counts) == 1 and in_one_place)


def _copies(rows: Sequence[_Row]) -> int:
    return len(rows) - len({row.value for row in rows})


def _equal_lines(rows: Sequence[_Row]) -> list[int]:
    """Lines of the first duplicate value."""
    by_value: dict[float, list[int]] = defaultdict(list)
    for row in rows:
        by_value[row.value].append(row.line)
    return next(lines for lines in by_value.values() if len(lines) > 1)


def _header() -> str:
    return ", ".join(COLUMNS)
