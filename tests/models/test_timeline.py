from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include import k8s_operators
from include.applications import load
from include.base_model import Model
from include.models import Record, Timeline
from include.models.timeline import INSTANTS, PHASES, STRETCHES, Instant, _entries
from include.study import record as study_record
from include.study import timeline

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "architecture.md").read_text()
STAMP = "2026-01-02T03:04:05Z"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_every_instant_is_read_from_the_job_or_at_its_deletion():
    application, operator = load("lammps"), k8s_operators.load("indexed_job")
    pod = {
        "metadata": {"creationTimestamp": STAMP},
        "status": {
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": STAMP}],
            "containerStatuses": [{"state": {"running": {"startedAt": STAMP}}}],
        },
    }
    read = timeline.build(
        resource=pod,
        pods=[pod],
        operator=operator,
        expected_pods=1,
        log_lines=[(AT, application.first_line), (AT, application.last_line)],
        application=application,
        completed_at=AT,
    )
    unread = {name for name in INSTANTS if getattr(read, name) is None}
    assert unread == set(study_record.AT_DELETION)


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


def test_the_page_says_where_each_instant_comes_from():
    rows = dict(re.findall(r"^\| `(\w+_at)` \| (.+ \| .+) \|$", PAGE, flags=re.MULTILINE))
    assert rows == {name: f"{each.source} | {each.resolution}" for name, each in INSTANTS.items()}


def test_the_page_says_what_each_difference_is_of():
    rows = re.findall(r"^\| `(\w+_s)` \| `(\w+)` → `(\w+)` \|$", PAGE, flags=re.MULTILINE)
    assert rows == [(name, each.begins, each.ends) for name, each in STRETCHES.items()]


def test_a_field_without_an_entry_is_an_error():
    class Lacking(Model):
        created_at: datetime | None = None

    with pytest.raises(TypeError, match="Lacking: no Instant of created_at"):
        _entries(Lacking, Instant)


def test_a_timeline_has_instants_alone():
    assert set(Timeline.model_fields) == set(INSTANTS)
