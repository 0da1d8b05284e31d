"""When a study ran, how long it took, and which run of Airflow it was."""

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
    """The stretch of a study's runs, by the cluster's clocks."""

    began_at: datetime | None
    ended_at: datetime | None
    dag_id: str | None = None
    run_id: str | None = None
    link: str | None = None  # to the run's page

    @property
    def text(self) -> str:
        """Date, times and duration, or that nobody knows."""
        if self.began_at is None or self.ended_at is None:
            return "When it ran is not recorded."
        began, ended = self.began_at, self.ended_at
        last = f"{ended:%H:%M}" if began.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M}"
        return f"{began:%Y-%m-%d %H:%M} to {last} UTC, {_duration((ended - began).total_seconds())}"


def when(
    frame: pd.DataFrame, *, origin: StudyOrigin | None = None, link: str | None = None
) -> When:
    """The stretch from the first run's begin to the last one's end, as far as records tell."""
    begins = pd.concat([frame[name] for name in _FROM]).dropna()
    ends = pd.concat([frame[name] for name in _UNTIL]).dropna()
    return When(
        began_at=None if begins.empty else begins.min().to_pydatetime(),
        ended_at=None if ends.empty else ends.max().to_pydatetime(),
        dag_id=origin.dag_id if origin else None,
        run_id=origin.run_id if origin else None,
        link=link,
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if minutes < 90:  # noqa: PLR2004  as people say it
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"
