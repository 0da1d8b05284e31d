"""What the report says of images."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.analysis import table
from include.checks import failed, passed, unknown
from include.kube.node_image import NodeImage
from include.report.image_text import image_notes, image_rows
from include.results import IMAGE, Results
from tests.records import record

START = datetime(2026, 11, 23, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def node_image(number, *, took_s=None):
    told = {}
    if took_s is not None:
        told = {"pulling_at": START, "pulled_at": START + timedelta(seconds=took_s)}
    return NodeImage(node=f"node-{number}", image="app:1", digest=DIGEST, **told).to_json()


def notes(tmp_path, records=(), **phases):
    results = Results(tmp_path)
    for phase, found in phases.items():
        results.write_json(f"images/{phase.replace('_', '-')}.json", found)
    return image_notes(results, table.to_frame(records))


def test_a_study_that_pulled_nothing_says_nothing(tmp_path):
    assert notes(tmp_path, [record(), record(image_pulls=0)]) == ()


def test_who_pulled_what_and_how_long_is_said(tmp_path):
    first = [node_image(1, took_s=40), node_image(2, took_s=55), node_image(3)]
    again = [node_image(number) for number in (1, 2, 3)]
    assert notes(tmp_path, [record()], phase_1=first, phase_2=again) == (
        f"Before the first job 3 nodes had app:1 ({DIGEST}); 2 nodes pulled, in 55 s.",
        f"Before the first job 3 nodes had app:1 ({DIGEST}).",
    )


def test_timed_runs_that_pulled_are_named(tmp_path):
    records = [record(point_id=f"p{number}", image_pulls=number) for number in range(7)]
    (note,) = notes(tmp_path, records)
    assert note.startswith("6 runs pulled an image while timed")
    assert note.endswith("p1, p2, p3, p4, p5 and 1 more.")


def test_the_look_into_the_image_is_a_row_for_each_thing(tmp_path):
    results = Results(tmp_path)
    assert image_rows(results) == ()
    checks = [
        passed("MPI", "Open MPI 4.1.4, /usr/bin/mpirun"),
        failed("sshd", "/usr/sbin/sshd is not in the image"),
        unknown("program", "on the image's PATH alone", remedy="give its whole path"),
    ]
    results.write_json(IMAGE, {"app:1": {"checks": [each.to_json() for each in checks]}})
    assert image_rows(results) == (
        ("MPI", "Open MPI 4.1.4, /usr/bin/mpirun"),
        ("sshd", "FAILED: /usr/sbin/sshd is not in the image"),
        ("program", "not known: on the image's PATH alone; give its whole path"),
    )
