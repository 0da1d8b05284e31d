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

from include.regression.series import (
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
UNIT = "unit"  # may be there as well, to say that all is measured alike
TIES_ARE_COMMON = 0.25  # share of regular nights with two equal times
LONGEST = 1e100  # largest time in any unit; sums of larger numbers may overflow
FACTOR_OF_UNITS = 30.0  # values further apart are no run times of one thing; min and s: 60
DAY_S = 86_400
QUIET_S = 6 * 3600  # hours of the day without a row: between the nights
NEAR_S = 3 * 3600  # from the last row before midnight to the first one after it
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


def read_history(text: str, *, source: str) -> History:
    """The history in a CSV text; HistoryError with a line's number where one is wrong.

    `night` is a whole number or an ISO date; with times of day that run over midnight, a night's
    repeats are of the date on which it began. `value` is a time above 0, all of one group in one
    unit. Rows may come in any order.
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
    return Series(
        group=group,
        nights=tuple(ordered),
        repeats=tuple(tuple(row.value for row in nights[night]) for night in ordered),
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
    if sorted(header) not in (sorted(COLUMNS), sorted((*COLUMNS, UNIT))):
        raise HistoryError(
            f"{source} has an unknown schema: its columns are {', '.join(header)}; "
            f"expected are {_header()}, and {UNIT} if you like"
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
    )


def over_midnight(rows: list[_Row]) -> list[_Row]:
    """The rows, those of the small hours counted to the evening before where nights are such.

    That is when rows stand close to midnight on both of its sides, and for hours of every day
    there is none: in the middle of these hours one night ends and the next begins.
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
    least, most = (choose(rows, key=lambda row: row.value) for choose in (min, max))
    if most.value > FACTOR_OF_UNITS * least.value:
        raise HistoryError(
            f"{source}, group {group}: mixed units? value {least.value:g} in line {least.line} and "
            f"{most.value:g} in line {most.line} cannot be times of one thing; convert or remove"
        )


def _refuse_duplicates(group: str, nights: Mapping[Night, Sequence[_Row]], source: str) -> None:
    """Rows that are there twice; equal times alone happen and are no reason.

    Either most nights have every row twice, as in a file that was appended to itself, or a night
    has more rows than is usual, and no more than that without the equal ones. Where equal times are
    common, as they are coarse or do not vary at all, the second says nothing.
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
    """Nights with every row twice, if most are such and it is no chance: their values differ."""
    doubled = {night for night, rows in nights.items() if _is_doubled(rows)}
    values = [value for night in doubled for value in {row.value for row in nights[night]}]
    is_chance = 2 * len(set(values)) <= len(values)
    return set() if is_chance or 2 * len(doubled) <= len(nights) else doubled


def _is_doubled(rows: Sequence[_Row]) -> bool:
    """True if each value occurs at least twice, other than in repeats that are all equal."""
    counts = Counter(row.value for row in rows)
    in_one_place = abs(rows[-1].line - rows[0].line) < len(rows)
    return min(counts.values()) > 1 and not (len(counts) == 1 and in_one_place)


def _copies(rows: Sequence[_Row]) -> int:
    return len(rows) - len({row.value for row in rows})


def _equal_lines(rows: Sequence[_Row]) -> list[int]:
    """Lines of the first value that is there twice."""
    by_value: dict[float, list[int]] = defaultdict(list)
    for row in rows:
        by_value[row.value].append(row.line)
    return next(lines for lines in by_value.values() if len(lines) > 1)


def _header() -> str:
    return ", ".join(COLUMNS)
