"""Studies of the fake cluster as nights, put where results are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.models import ClusterHandle, Status, Study, StudyOrigin
from include.regression.settings import NightlyStudy
from include.results import ORIGIN, Results
from include.study.plan import study_id_of
from tests.fakes.points import record_of
from tests.plans import make_plan
from tests.regression.histories import times

SERIES = "nightly"
SETTINGS = NightlyStudy(schedule="0 2 * * *", timezone="Europe/Berlin")
FIRST = datetime(2026, 1, 1, 2, tzinfo=UTC)
REPEATS = 5
JOURNAL = None  # of the fake cluster; None: below the results


def date_of(number):
    return (FIRST + timedelta(days=number)).date().isoformat()


def make_study(
    root,
    number,
    values,
    *,
    image="app:1",
    failed=(),
    operators=("fake_a",),
    application="fake_application",
    options=None,
    figure="loop_time_s",
    **fields,
):
    """Stores night `number` with a run of each value; returns its results."""
    study = Study(
        cluster="fake",
        cluster_options={"journal": str(JOURNAL or root / "journal")},
        application=application,
        application_options=options or {},
        operators=operators,
        nodes=(2,),
        repeats=len(values),
        warmups=0,
        results=str(root),
        name="night",
    )
    run_id = f"run-{number}"
    study_id = study_id_of(name=study.name, run_id=run_id)
    plan = make_plan(study, study_id=study_id)
    results = Results(root / study_id)
    results.write_json("plan.json", plan.to_json())
    results.write_json("study.json", study.to_json())
    origin = StudyOrigin(
        dag_id="nightly_regression", run_id=run_id, planned_at=FIRST + timedelta(days=number)
    )
    results.write_json(ORIGIN, origin.to_json())
    results.write_json("cluster.json", handle_of(study_id, image).to_json())
    for operator in operators:
        results.write_json(f"operators/{operator}.json", {"operator": operator, "version": "1"})
    for point in plan.points:
        status = Status.FAILED if point.repeat in failed else Status.VALID
        value = {} if status is Status.FAILED else {figure: values[point.repeat - 1]}
        told = {"application": application, **value, **fields}
        record = record_of(point, status=status, image=image, **told)
        results.write_json(f"points/{point.point_id}/record.json", record.to_json())
    return results


def handle_of(study_id, image):
    return ClusterHandle(
        study_id=study_id,
        cluster="fake",
        namespace=study_id,
        nodes=2,
        expires_at=FIRST,
        kubernetes_version="v1.99.0",
        instance_type=None,
        image=image,
        image_digest=None,
        image_pull_policy="Never",
        worker_nodes=("w0", "w1", "w2"),
    )


def make_nights(root, count, *, steps=(), image_from=None, seed=3, image="app:1"):
    """Nights 0 to count - 1; `image_from` is the night from which on another image runs."""
    rows = times(nights=count, repeats=REPEATS, seed=seed, steps=steps)
    made = []
    for number, row in enumerate(rows):
        is_new = image_from is not None and number >= image_from
        made.append(make_study(root, number, row.tolist(), image="app:2" if is_new else image))
    return made
