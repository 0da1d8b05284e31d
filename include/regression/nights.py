"""Series of each group from the nights of studies, and the differences between two nights."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.regression.series import UNKNOWN_UNIT, History, Night, Series, make_history

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from include.regression.record_sets import Cell, StudyNight

DIGEST_SHOWN = len("sha256:") + 12


@dataclass(frozen=True, kw_only=True)
class Source:
    """Source of a night's times of one group."""

    study: StudyNight
    cell: Cell


@dataclass(frozen=True, kw_only=True)
class Nights:
    """The series of some groups, and the source studies of each of their nights."""

    history: History | None  # None: no group has a value
    sources: dict[str, dict[Night, tuple[Source, ...]]]  # sources by group

    def versions(self, group: str, night: Night) -> dict[str, str | None]:
        """The versions that ran in a night; those of its last study if there are several."""
        return self.sources[group][night][-1].cell.versions

    def differences(self, group: str, before: Night, since: Night) -> tuple[str, ...]:
        """One line per changed version: `image: a → b`."""
        old, new = self.versions(group, before), self.versions(group, since)
        return tuple(
            f"{name.replace('_', ' ')}: {_shown(old.get(name))} → {_shown(new.get(name))}"
            for name in new
            if old.get(name) != new.get(name)
        )

    def without(self, group: str) -> tuple[Night, ...]:
        """Nights in which the group ran, but a point failed or is missing: no data."""
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
    units = [cell.units.get(name, UNKNOWN_UNIT) for cell in cells if name in cell.rates]
    times = {
        night: [
            1 / value if units else value
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
        rate_unit=units[-1] if units else "",
    )


def _is_whole(source: Source) -> bool:
    """Sort key that puts sources without data first, as the last source represents its night."""
    return source.cell.is_whole


def _shown(version: str | None) -> str:
    if version is None:
        return "unknown"
    return version[:DIGEST_SHOWN] if version.startswith("sha256:") else version
