"""A task's access to the night that its run belongs to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context

from include.regression import nightly
from include.regression.settings import read_nightly
from include.study.address import results_root
from plugins.notifications import NotificationError, deliver, message_of, name_of
from plugins.study_context import StudyContext, locate

if TYPE_CHECKING:
    from airflow.sdk.types import DagRunProtocol as DagRun
    from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

    from include.regression.nightly import Published
    from include.results import Location

SENT = "regression/sent.json"  # channels that have received this night's message


class NightContext(StudyContext):
    """A task's view of its study in a series of nights."""

    def __init__(self, ti: TaskInstance, series: str) -> None:
        super().__init__(ti)
        self.series = series
        self.settings = read_nightly()[series]

    @property
    def root(self) -> Location:
        """Folder of all studies at this one's results location."""
        return locate(results_root(self.results.plan().study))

    def examine(self, dag_run: DagRun) -> None:
        """Compare tonight with the nights before, and plan a confirmation if it is suspect."""
        nightly.examine_night(self.results, night=self._night_of(dag_run), **self._series())

    def publish(self, dag_run: DagRun) -> Published:
        """Write the night's outcome, even if it ended before it was examined."""
        results = self.results
        nightly.note_night(results, series=self.series, night=self._night_of(dag_run))
        return nightly.publish(results, **self._series())

    def _night_of(self, dag_run: DagRun) -> str:
        """The date of the run in the time zone of its schedule."""
        when = dag_run.logical_date or dag_run.run_after or datetime.now(tz=UTC)
        return when.astimezone(ZoneInfo(self.settings.timezone)).date().isoformat()

    def _series(self) -> dict[str, Any]:
        return {"root": self.root, "series": self.series, "settings": self.settings}

    def notify(self) -> None:
        """Send the news to the channels that do not have it.

        A failing channel does not block the others; the task then fails, to be retried.
        """
        results = self.results
        published = nightly.read_published(results)
        if published is None or not published.news:
            return
        message = message_of(published, dag_id=self.ti.dag_id, run_id=self.ti.run_id)
        sent = results.read_text(SENT).splitlines() if results.exists(SENT) else []
        failed = []
        for channel in self.settings.notify:
            if name_of(channel) in sent:
                continue
            if problem := deliver(channel, message, get_current_context()):
                failed.append(problem)
                continue
            sent.append(name_of(channel))
            results.write_text(SENT, "\n".join(sent) + "\n")
        if failed:
            raise NotificationError("not delivered: " + "; ".join(failed))
