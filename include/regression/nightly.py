"""The steps of a nightly run besides the study: examine, confirm, publish, judge."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import BenchmarkError, StudyError
from include.models import Model
from include.regression import alerts, confirmation_plan, outcome_files, trend
from include.regression.confirmation_outcome import Outcome, outcomes_of
from include.regression.confirmation_plan import Wanted
from include.regression.findings import Findings, examine
from include.regression.missing import with_missing
from include.regression.nights import gather
from include.regression.record_sets import NIGHT_FILE, read_study
from include.regression.rules import DEFAULT
from include.regression.series import Night
from include.regression.store import Store
from include.results import CLUSTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from include.models import Point
    from include.regression.alerts import Alert
    from include.regression.nights import Nights
    from include.regression.settings import NightlyStudy
    from include.regression.suspects import Suspect
    from include.results import Location, Results

log = logging.getLogger(__name__)
OUTCOME = "regression/outcome.json"


class RegressionConfirmed(BenchmarkError):
    """A slowdown that chance does not explain; the message has the evidence."""


class Published(Model):
    """The outcome of a night, for the verdict, the notification and later readers."""

    series: str
    night: str
    news: tuple[alerts.Alert, ...]  # first reported tonight
    suspects: tuple[str, ...]  # suspects in words, with their outcomes
    no_data: tuple[str, ...]  # groups with a failed or missing point tonight
    message: str

    @property
    def has_regression(self) -> bool:
        """True if a regression was confirmed tonight."""
        return any(alert.kind is alerts.Kind.REGRESSION for alert in self.news)

    @property
    def verdict(self) -> str:
        """The night in a word or two: its news, or that a group has no data."""
        if self.has_regression:
            return alerts.Kind.REGRESSION.value
        if self.news:
            return alerts.Kind.IMPROVEMENT.value
        return "no data" if self.no_data else "no change"


@dataclass(frozen=True, kw_only=True)
class Tonight:
    """A study among the nights before it."""

    store: Store
    study_id: str
    night: Night
    nights: Nights
    findings: Findings | None  # None: no group of tonight has a value in any night
    known: tuple[Alert, ...]  # reported by other studies
    pinned: Night | None
    unknown: tuple[str, ...]  # planned, but recorded neither tonight nor earlier

    @property
    def no_data(self) -> tuple[str, ...]:
        """Groups that should have run but lack valid times for some repeat."""
        without = self.nights.without
        failed = (group for group in self.nights.sources if self.night in without(group))
        return (*failed, *self.unknown)

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """Tonight's suspects, if tonight is the last night."""
        if self.findings is None or self.findings.tonight != self.night:
            return ()
        return self.findings.suspects


def examine_night(
    results: Results, *, root: Location, series: str, settings: NightlyStudy, night: str
) -> tuple[Point, ...]:
    """Compare tonight with the nights before; the points of a confirmation if it is suspect.

    Also stores which night the study belongs to, and adds the study to the store's history.
    """
    note_night(results, series=series, night=night)
    tonight = look(results, root=root, series=series, settings=settings)
    wanted = list(_wanted(tonight))
    for suspect in tonight.suspects:
        log.info("suspect: %s", outcome_files.suspect_sentence(suspect))
    if not wanted:
        log.info("nothing to confirm in night %s", night)
        return ()
    handle, plan = results.cluster(), results.plan()
    if handle is None:
        raise FileNotFoundError(f"{results} has no {CLUSTER}")
    try:
        confirmation = confirmation_plan.plan_confirmation(
            plan.study, wanted, handle=handle, blocks=settings.confirmation_blocks
        )
    except StudyError as err:
        log.warning("no confirmation can be run: %s", err)
        return ()
    confirmation_plan.store(results, confirmation)
    return confirmation.plan.points


def note_night(results: Results, *, series: str, night: str) -> None:
    """Store which night the study belongs to."""
    results.write_json(NIGHT_FILE, {"series": series, "night": night})


def look(results: Results, *, root: Location, series: str, settings: NightlyStudy) -> Tonight:
    """Tonight's study among the nights at the results location; HistoryError if unreadable."""
    plan = results.plan()
    study_id = plan.study_id
    store = Store(root, series)
    ours = read_study(results, study_id=study_id)
    earlier = [s for s in store.nights() if s.study_id != study_id and s.night <= ours.night]
    ours, unknown = with_missing(ours, plan, earlier=earlier)
    studies = store.update(keep_nights=settings.keep_nights, tonight=ours.night, current=ours)
    groups = {cell.group(settings.any_of) for cell in ours.cells}
    nights = gather(
        [s for s in studies if s.night <= ours.night],
        any_of=settings.any_of,
        quantity=settings.compared().name,
        groups=groups,
    )
    pin = store.pin()
    pinned = Night.read(pin.night) if pin else None
    findings = None
    if nights.history is not None:
        words = store.acknowledged()
        findings = examine(nights.history, acknowledged=words, pinned=pinned)
    return Tonight(
        store=store,
        study_id=study_id,
        night=Night.read(ours.night),
        nights=nights,
        findings=findings,
        known=tuple(alert for alert in store.alerts() if alert.told_by != study_id),
        pinned=pinned,
        unknown=unknown,
    )


def publish(results: Results, *, root: Location, series: str, settings: NightlyStudy) -> Published:
    """Write the night's outcome, and store the alerts now sent; safe to repeat."""
    tonight = look(results, root=root, series=series, settings=settings)
    outcomes = outcomes_of(results, tonight.suspects, settings.compared())
    news = tuple(_news(tonight, outcomes))
    tonight.store.write_alerts((*tonight.known, *news))
    published = Published(
        series=series,
        night=str(tonight.night.label),
        news=news,
        suspects=tuple(outcome_files.outcome_sentence(o) for o in outcomes),
        no_data=tonight.no_data,
        message="\n".join(outcome_files.alert_sentence(alert) for alert in news),
    )
    results.write_json(OUTCOME, published.to_json())
    outcome_files.write(results, published, findings=tonight.findings)
    trend.store(
        tonight.store.files,
        tonight.nights,
        series=series,
        quantity=settings.compared(),
        findings=tonight.findings,
        alerts=(*tonight.known, *news),
    )
    for line in (*published.suspects, *published.message.splitlines()):
        log.info("%s", line)
    return published


def read_published(results: Results) -> Published | None:
    """The outcome of the night, None when it was not published."""
    stored = results.find_bytes(OUTCOME)
    return None if stored is None else Published.model_validate_json(stored)


def raise_if_confirmed(results: Results) -> None:
    """Raise RegressionConfirmed with the evidence if a regression was confirmed tonight."""
    published = read_published(results)
    if published is not None and published.has_regression:
        raise RegressionConfirmed(f"night {published.night}: {published.message}")


def _wanted(tonight: Tonight) -> Iterator[Wanted]:
    """A confirmation for each suspect that has not been reported."""
    for suspect in tonight.suspects:
        if alerts.is_known(suspect, tonight.known, DEFAULT, pinned=tonight.pinned):
            continue
        ours = tonight.nights.sources[suspect.group][tonight.night][-1].cell
        last_good = tonight.nights.sources[suspect.group][suspect.reference[-1]][-1].cell
        image = confirmation_plan.image_of(ours)
        before = confirmation_plan.image_of(last_good)
        if image is None:
            continue
        known = ours.configuration
        yield Wanted(
            group=suspect.group,
            k8s_operator=str(known["k8s_operator"]),
            variant=str(known.get("variant") or ""),
            nodes=int(str(known["nodes"])),
            ranks_per_node=int(str(known["ranks"])) // int(str(known["nodes"])),
            image=image,
            last_good_image=before or image,
        )


def _news(tonight: Tonight, outcomes: Sequence[Outcome]) -> Iterator[Alert]:
    """Changes of level and confirmed suspects for which no alert was sent."""
    sent = list(tonight.known)
    for change in tonight.findings.change_points if tonight.findings else ():
        if alerts.is_news(change, sent, DEFAULT):
            differs = tonight.nights.differences(change.group, change.last_before, change.night)
            sent.append(alerts.of_change(change, study_id=tonight.study_id, differs=differs))
            yield sent[-1]
    for outcome in outcomes:
        suspect, comparison = outcome.suspect, outcome.against_last_good
        if (
            comparison is not None
            and comparison.is_slower
            and not alerts.is_known(suspect, sent, DEFAULT, pinned=tonight.pinned)
        ):
            before = suspect.reference[-1]
            differs = tonight.nights.differences(suspect.group, before, suspect.night)
            sent.append(
                alerts.of_confirmation(
                    suspect, comparison, study_id=tonight.study_id, differs=differs
                )
            )
            yield sent[-1]
