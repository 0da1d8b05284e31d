"""The lists of studies fit a screen of 1280 pixels: no column is cut off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.report import pages
from include.report.digest import Digest

pytestmark = pytest.mark.browser
BEGAN_AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
FRAME = 1130  # pixels beside Airflow's own bar
EFFECT = (
    "In these runs Flux Operator (stand-in) was 3.7 to 5.4 % faster than MPI Operator at all "
    "sizes, 8, 16, 32 and 64 nodes (95 % intervals within 3.2 to 6.6 %)."
)
DIGEST = Digest(
    name="run6-lean",
    kind="study",
    application="lammps",
    operators=("MPI Operator", "Flux Operator (stand-in)", "Indexed Job"),
    nodes=(8, 16, 32, 64),
    cluster="simulated",
    simulated=True,
    began_at=BEGAN_AT,
    ended_at=BEGAN_AT + timedelta(minutes=190),
    planned=160,
    valid=158,
    usd=None,
    node_s=936_000.0,
    is_verdict=False,
    effect=(EFFECT,),
    cause="",
    cost="",
    settle="",
)
LINES = [
    pages.StudyLine(
        study_id=f"run6-lean-99aabbc{number}",
        dag_id="operator_benchmark",
        run_id=f"manual__{number}",
        planned_at=BEGAN_AT,
        points=160,
        state=None,
        digest=digest,
    )
    for number, digest in enumerate((DIGEST, None))
]


@pytest.mark.parametrize("render", ["in_airflow", "site"])
def test_no_column_of_a_list_is_cut_off(chromium, tmp_path, keep, render):
    if render == "site":
        text = pages.render_site(LINES[:1], [])
    else:
        text = pages.render_studies(LINES, address="file:///results")
    (tmp_path / "list.html").write_text(text)
    page = chromium.new_page(viewport={"width": FRAME, "height": 700})
    page.goto((tmp_path / "list.html").as_uri())
    keep(page, f"list-{render}")
    for table in page.locator(".scroll").all():
        assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    page.close()
