"""The store of a series of nights: `<results>/regression/<series>/`.

`history.json` holds the nights of all studies, which so outlive the studies' own folders.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from include.errors import problems
from include.models import Model
from include.regression import FOLDER
from include.regression.alerts import Alert
from include.regression.findings import Acknowledgement
from include.regression.record_sets import StudyNight, read_study
from include.regression.series import HistoryError
from include.results import ORIGIN, Results

if TYPE_CHECKING:
    from include.results import Location

log = logging.getLogger(__name__)
SCHEMA_VERSION = 1  # version of `StudyNight`; a new one makes all record sets be read again
T = TypeVar("T")
_ALERTS: TypeAdapter[tuple[Alert, ...]] = TypeAdapter(tuple[Alert, ...])
_WORDS: TypeAdapter[tuple[Acknowledgement, ...]] = TypeAdapter(tuple[Acknowledgement, ...])


class Pin(Model):
    """The last good night; later nights are compared with those up to it."""

    night: str
    reason: str


class _Stored(Model, extra="ignore"):
    """`history.json`, whose nights are read one by one, as each may have another schema."""

    schema_version: int
    nights: list[dict[str, Any]]


_PIN: TypeAdapter[Pin | None] = TypeAdapter(Pin | None)
_STORED: TypeAdapter[_Stored] = TypeAdapter(_Stored)


class Store:
    """The files of one series below the results location."""

    def __init__(self, root: Location, series: str) -> None:
        self._root = root
        self.files = Results(root / FOLDER / series)

    def update(
        self, *, keep_nights: int, tonight: str, current: StudyNight | None = None
    ) -> tuple[StudyNight, ...]:
        """Read the studies that are not yet known, drop nights that are too old, and keep both.

        The nights of all studies at the location, oldest first. A study that cannot be read is
        named in the log and retried the next time. `current` is a study as it was just read: it
        replaces its stored version, because its records have changed.
        """
        oldest = (date.fromisoformat(tonight) - timedelta(days=keep_nights)).isoformat()
        known = {night.study_id: night for night in self._known()}
        if current is not None:
            known[current.study_id] = current
        for study_id in sorted(self._study_ids() - set(known)):
            if (stored := self._read(study_id)) is not None:
                known[study_id] = stored
        kept = sorted(
            (night for night in known.values() if night.night >= oldest),
            key=lambda night: (night.night, night.study_id),
        )
        nights = [night.to_json() for night in kept]
        self.files.write_json("history.json", {"schema_version": SCHEMA_VERSION, "nights": nights})
        return tuple(kept)

    def nights(self) -> tuple[StudyNight, ...]:
        """The known nights, without looking for new ones."""
        return tuple(self._known())

    def alerts(self) -> tuple[Alert, ...]:
        """Alerts already sent for this series."""
        return self._read_file("alerts.json", _ALERTS) or ()

    def write_alerts(self, alerts: tuple[Alert, ...]) -> None:
        """Store the alerts sent for this series."""
        self.files.write_json("alerts.json", [alert.to_json() for alert in alerts])

    def acknowledged(self) -> tuple[Acknowledgement, ...]:
        """Changes that somebody has acknowledged."""
        return self._read_file("acknowledged.json", _WORDS) or ()

    def acknowledge(self, word: Acknowledgement) -> None:
        """Add an acknowledgement."""
        words = [each.to_json() for each in (*self.acknowledged(), word)]
        self.files.write_json("acknowledged.json", words)

    def pin(self) -> Pin | None:
        """The pinned baseline, None when the last nights are the baseline."""
        return self._read_file("baseline.json", _PIN)

    def write_pin(self, pin: Pin | None) -> None:
        """Pin the baseline, or let it move on."""
        self.files.write_json("baseline.json", pin.to_json() if pin else None)

    def _read_file(self, name: str, form: TypeAdapter[T]) -> T | None:
        """The content of a file, None without a file; HistoryError when it is unreadable."""
        if (content := self.files.find_bytes(name)) is None:
            return None
        try:
            return form.validate_json(content)
        except ValidationError as err:
            problem = problems(err)[0]
            place = problem.place or "the whole"
            raise HistoryError(
                f"{self.files}/{name} has an unknown schema: {place}: {problem.message}; "
                "mend it, or move it away to begin anew"
            ) from err

    def _known(self) -> list[StudyNight]:
        """Stored nights; with another schema only those that are still readable."""
        if (stored := self._read_file("history.json", _STORED)) is None:
            return []
        nights = stored.nights
        if stored.schema_version != SCHEMA_VERSION:
            present = self._study_ids()
            nights = [night for night in nights if night.get("study_id") not in present]
            log.warning("history.json has another schema: record sets are read anew")
        known = []
        for night in nights:
            try:
                known.append(StudyNight.model_validate(night))
            except ValidationError:
                log.warning("night %s cannot be read any more, left out", night.get("night"))
        return known

    def _study_ids(self) -> set[str]:
        try:
            return {str(path).rsplit("/", 2)[-2] for path in self._root.glob(f"*/{ORIGIN}")}
        except FileNotFoundError:
            return set()

    def _read(self, study_id: str) -> StudyNight | None:
        try:
            return read_study(Results(self._root / study_id), study_id=study_id)
        except (HistoryError, FileNotFoundError) as err:
            log.warning("%s", err)
            return None
