"""Start and duration of a study, and its Airflow run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from datetime import datetime

    from include.models import StudyOrigin

_FROM = ("created_at", "launcher_started_at", "app_started_at")
_UNTIL = ("deleted_at", "completed_at", "launcher_finished_at", "app_finished_at")


@dataclass(frozen=True, kw_only=True)
class When:
    """The time of a study's runs, by the cluster's clocks."""

    began_at: datetime | None
    ended_at: datetime | None
    dag_id: str | None = None
    run_id: str | None = None
    link: str | None = None  # link to the run's page

    @property
    def text(self) -> str:
        """Date, times and duration, or a note that they are unknown."""
        began, ended = self.began_at, self.ended_at
        if began is None:
            return "When it ran is not recorded."
        if ended is None:
            return f"Began {began:%Y-%m-%d %H:%M} UTC; how long it took is not recorded."
        last = f"{ended:%H:%M}" if began.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M}"
        return (
            f"{began:%Y-%m-%d %H:%M} to {last} UTC, {_duration((ended - began).total_seconds())}."
        )


def when(
    frame: pd.DataFrame,
    *,
    origin: StudyOrigin | None = None,
    link: str | None = None,
    began_at: datetime | None = None,
) -> When:
    """The time from the start of the first run to the end of the last, as far as recorded.

    `began_at` is a start known otherwise, for records without one.
    """
    begins = pd.concat([frame[name] for name in _FROM]).dropna()
    ends = pd.concat([frame[name] for name in _UNTIL]).dropna()
    return When(
        began_at=began_at if begins.empty else begins.min().to_pydatetime(),
        ended_at=None if ends.empty else ends.max().to_pydatetime(),
        dag_id=origin.dag_id if origin else None,
        run_id=origin.run_id if origin else None,
        link=link,
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if minutes < 90:  # noqa: PLR2004  limit for a duration in minutes
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"
