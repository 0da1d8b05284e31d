"""`opbench series`: acknowledges a change, pins the baseline, or exports a nightly series."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from upath import UPath

from include.models import Better
from include.regression.arguments import series_parser
from include.regression.findings import Acknowledgement
from include.regression.history_csv import BETTER, COLUMNS, UNIT
from include.regression.nights import gather
from include.regression.series import HistoryError, Night
from include.regression.settings import Version
from include.regression.store import Pin, Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

DONE, BAD_INPUT = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """0 on success, 2 for an unknown series or group, or a wrong night."""
    given = series_parser().parse_args(arguments)
    store = Store(UPath(given.results), given.series)
    try:
        return _do(given, store)
    except HistoryError as err:
        return _refuse(str(err))


def _do(given: argparse.Namespace, store: Store) -> int:
    if not (nights := store.nights()):
        return _refuse(f"{given.results} has no nights of a series {given.series!r}")
    if given.what == "unpin":
        store.write_pin(None)
    elif given.what == "export":
        _export(store, given.quantity)
    elif (night := _night(given.night)) is None:
        return _refuse(f"night {given.night!r} is no date, such as 2026-01-31")
    elif given.what == "pin":
        first, last = min(each.night for each in nights), max(each.night for each in nights)
        if not first <= night <= last:
            return _refuse(f"night {night} is none of the history, {first} to {last}")
        store.write_pin(Pin(night=night, reason=given.reason))
    else:
        known = gather(nights, any_of=tuple(Version)).sources
        if given.group not in known:
            return _refuse(f"there is no group {given.group!r}; there are {', '.join(known)}")
        word = Acknowledgement(group=given.group, night=night, reason=given.reason)
        store.acknowledge(word)
    return DONE


def _export(store: Store, quantity: str | None) -> None:
    """Print a row per repeat, as `opbench regression` reads them; rates with their unit."""
    history = gather(store.nights(), any_of=tuple(Version), quantity=quantity).history
    series = history.series if history else ()
    has_rates = any(each.is_rate for each in series)
    rows = csv.writer(sys.stdout)
    rows.writerow((*COLUMNS, *((UNIT, BETTER) if has_rates else ())))
    for each in series:
        more = (each.rate_unit, Better.HIGHER) if each.is_rate else ("s", Better.LOWER)
        for night, repeats in zip(each.nights, each.repeats, strict=True):
            rows.writerows(
                (
                    *(night.label, each.group, 1 / value if each.is_rate else value),
                    *(more if has_rates else ()),
                )
                for value in repeats
            )


def _night(text: str) -> str | None:
    try:
        night = Night.read(text)
    except ValueError:
        return None
    return str(night.label) if night.is_dated else None


def _refuse(text: str) -> int:
    sys.stderr.write(f"error: {text}\n")
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
