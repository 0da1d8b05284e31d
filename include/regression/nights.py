"""From the nights of studies to the series of each group, and what differs between two nights."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.regression.series import History, Night, Series, make_history

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from include.regression.record_sets import Cell, StudyNight

DIGEST_SHOWN = len("sha256:") + 12


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a night's times of one group come from."""

    study: StudyNight
    cell: Cell


@dataclass(frozen=True, kw_only=True)
class Nights:
    """The series of some groups, and the studies that each night of them comes from."""

    history: History | None  # None: no group has a value
    sources: dict[str, dict[Night, tuple[Source, ...]]]  # sources by group

    def versions(self, group: str, night: Night) -> dict[str, str | None]:
        """The versions that ran in a night; those of its last study when there are several."""
        return self.sources[group][night][-1].cell.versions

    def differences(self, group: str, before: Night, since: Night) -> tuple[str, ...]:
        """One line per version that is not the same: `image: a → b`."""
        old, new = self.versions(group, before), self.versions(group, since)
        return tuple(
            f"{name.replace('_', ' ')}: {_shown(old.get(name))} → {_shown(new.get(name))}"
            for name in new
            if old.get(name) != new.get(name)
        )

    def without(self, group: str) -> tuple[Night, ...]:
        """Nights in which the group ran, and a point failed or is missing: no data."""
        of_group = self.sources.get(group, {}).items()
        return tuple(n for n, sources in of_group if not any(s.cell.is_whole for s in sources))


def gather(
    studies: Iterable[StudyNight],
    *,
    any_of: Collection[str],
    quantity: str | None = None,
    groups: Collection[str] | None = None,
) -> Nights:
    """The nights of the given groups, of all when None; studies of one date are one night.

    `quantity` is what is compared, the application's figure of merit when None.
    """
    sources: dict[str, dict[Night, list[Source]]] = defaultdict(lambda: defaultdict(list))
    for study in studies:
        for cell in study.cells:
            group = cell.group(any_of)
            if groups is None or group in groups:
                sources[group][Night.read(study.night)].append(Source(study=study, cell=cell))
    every = [_series(group, nights, quantity) for group, nights in sources.items()]
    filled = [series for series in every if series.nights]
    return Nights(
        history=make_history(filled) if filled else None,
        sources={
            group: {night: tuple(sorted(nights[night], key=_is_whole)) for night in sorted(nights)}
            for group, nights in sources.items()
        },
    )


def _series(group: str, nights: dict[Night, list[Source]], quantity: str | None) -> Series:
    cells = [each.cell for sources in nights.values() for each in sources]
    name = quantity or cells[-1].merit
    is_rate = any(name in cell.rates for cell in cells)
    times = {
        night: [
            1 / value if is_rate else value
            for each in sources
            if each.cell.is_whole
            for value in each.cell.times.get(name, ())
        ]
        for night, sources in sorted(nights.items())
    }
    known = {night: values for night, values in times.items() if values}
    return Series(
        group=group,
        nights=tuple(known),
        repeats=tuple(tuple(values) for values in known.values()),
        is_rate=is_rate,
    )


def _is_whole(source: Source) -> bool:
    """Sorts what has no data to the front, as the last source stands for its night."""
    return source.cell.is_whole


def _shown(version: str | None) -> str:
    if version is None:
        return "unknown"
    return version[:DIGEST_SHOWN] if version.startswith("sha256:") else version
