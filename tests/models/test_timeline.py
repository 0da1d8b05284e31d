from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include import k8s_operators
from include.applications import load
from include.base_model import Model
from include.models import Record, Timeline
from include.models.timeline import AT_DELETION, INSTANTS, PHASES, STRETCHES, Instant, _entries
from include.study.timeline import ObservedJob, RankPods

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
POD_CONDITIONS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")  # Kubernetes' own
STAMP = "2026-01-02T03:04:05Z"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_every_instant_is_read_from_the_job_or_at_its_deletion():
    application, operator = load("lammps"), k8s_operators.load("indexed_job")
    pod = {
        "metadata": {"creationTimestamp": STAMP},
        "status": {
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": STAMP}
                for kind in POD_CONDITIONS
            ],
            "containerStatuses": [{"state": {"running": {"startedAt": STAMP}}}],
        },
    }
    job = ObservedJob(
        resource=pod,
        pods=RankPods(pods=[pod], operator=operator, expected=1),
        log_lines=[(AT, application.first_line), (AT, application.last_line)],
        application=application,
        completed_at=AT,
        admitted_at=AT,
    )
    unread = {name for name in INSTANTS if getattr(job.timeline(), name) is None}
    assert unread == set(AT_DELETION)


def test_every_instant_and_stretch_is_a_column_of_the_record():
    assert set(INSTANTS) | set(STRETCHES) <= set(Record.model_fields)


def test_every_stretch_lies_between_known_instants():
    ends = {name for stretch in STRETCHES.values() for name in (stretch.begins, stretch.ends)}
    assert ends <= set(INSTANTS)


def test_no_instant_is_without_a_stretch_but_the_launchers_start():
    ends = {name for stretch in PHASES.values() for name in (stretch.begins, stretch.ends)}
    assert set(INSTANTS) - ends == {"launcher_started_at"}


def test_each_phase_begins_where_the_one_before_it_ends():
    run = list(PHASES.values())[:-1]  # the deletion is apart
    assert [stretch.begins for stretch in run[1:]] == [stretch.ends for stretch in run[:-1]]


def test_phases_have_a_title_a_meaning_and_a_colour_of_their_own():
    assert all(stretch.title and stretch.meaning for stretch in PHASES.values())
    assert len({stretch.colour for stretch in PHASES.values()} - {""}) == len(PHASES)


def _rows(head, rows):
    return "".join(f"{row}\n" for row in (head, "|---" * (head.count("|") - 1) + "|", *rows))


INSTANT_ROWS = _rows(
    "| instant | source | resolution |",
    [f"| `{name}` | {each.source} | {each.clock.resolution} |" for name, each in INSTANTS.items()],
)
STRETCH_ROWS = _rows(
    "| difference | from → to |",
    [f"| `{name}` | `{each.begins}` → `{each.ends}` |" for name, each in STRETCHES.items()],
)


@pytest.mark.parametrize("rows", [INSTANT_ROWS, STRETCH_ROWS], ids=["instants", "stretches"])
def test_the_page_has_the_table_of_the_entries(rows):
    """With `UPDATE_GOLDEN=1` the page gets the table."""
    if os.environ.get("UPDATE_GOLDEN"):
        table = re.escape(rows[: rows.index("\n") + 1]) + r"(\|.*\n)+"
        PAGE.write_text(re.sub(table, lambda _: rows, PAGE.read_text()))
    assert f"\n\n{rows}\n" in PAGE.read_text()


def test_a_field_without_an_entry_is_an_error():
    class Lacking(Model):
        created_at: datetime | None = None

    with pytest.raises(TypeError, match="Lacking: no Instant of created_at"):
        _entries(Lacking, Instant)


def test_a_timeline_has_instants_alone():
    assert set(Timeline.model_fields) == set(INSTANTS)
