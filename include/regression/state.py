"""Acknowledges a change, pins the baseline, or writes the history of a nightly study as CSV.

`python -m include.regression.state RESULTS SERIES acknowledge GROUP NIGHT --reason TEXT`, or `pin
NIGHT --reason TEXT`, `unpin`, `export`. RESULTS is the results location, SERIES a name of
`include/study/presets/nightly.yaml`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from typing import TYPE_CHECKING

from upath import UPath

from include.regression.findings import Acknowledgement
from include.regression.nights import gather
from include.regression.series import HistoryError, Night
from include.regression.settings import Version
from include.regression.store import Pin, Store

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, BAD_INPUT = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when it is done, 2 for a series or a group that is not there, or a wrong night."""
    given = _parser().parse_args(arguments)
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
    """A row per repeat, as `python -m include.regression` reads them."""
    history = gather(store.nights(), any_of=tuple(Version), quantity=quantity).history
    rows = csv.writer(sys.stdout)
    rows.writerow(("night", "group", "value"))
    for series in history.series if history else ():
        for night, repeats in zip(series.nights, series.repeats, strict=True):
            rows.writerows(
                (night.label, series.group, 1 / value if series.is_rate else value)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.regression.state",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", help="the results location, a folder or its URL")
    parser.add_argument("series", help="name of the nightly study")
    what = parser.add_subparsers(dest="what", required=True)
    acknowledge = what.add_parser("acknowledge", help="a change that is known alarms no more")
    acknowledge.add_argument("group")
    acknowledge.add_argument("night", help="in which the change began; a few nights off will do")
    acknowledge.add_argument("--reason", required=True)
    pin = what.add_parser("pin", help="compare later nights with those up to this one")
    pin.add_argument("night")
    pin.add_argument("--reason", required=True)
    what.add_parser("unpin", help="compare with the last nights again")
    export = what.add_parser("export", help="print the history as CSV")
    export.add_argument("--quantity", help="a column of the records; else the figure of merit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
