"""The DAG `nightly_regression`: its shape, and every way in which a night can end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from include.regression.nightly import read_published
from include.results import Results
from tests.fakes.points import run_point
from tests.regression import studies
from tests.regression.histories import times

NIGHTS = 12
STEPS = ("install", "points", "uninstall")


@pytest.fixture(scope="module")
def parsed_dag(airflow_home):
    """In place of the other DAG, so that `run` runs this one."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag()
    assert not bag.import_errors
    found = bag.dags["nightly_regression"]
    for task_id in ("destroy", "notify"):
        found.task_dict[task_id].retry_delay = timedelta(0)
    for task_id in ("phase_1.points", "confirmation.points"):
        found.task_dict[task_id].partial_kwargs["retry_delay"] = timedelta(0)
    return found


def test_it_runs_every_night_of_its_time_zone_one_at_a_time_and_starts_paused(dag):
    assert dag.timetable.expression == "0 2 * * *"
    assert str(dag.timetable.timezone) == str(ZoneInfo("Europe/Berlin"))
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.is_paused_upon_creation
    assert dag.dagrun_timeout is None


@pytest.mark.parametrize(
    ("times", "kind"), [("0 2 * * *", "AssetOrTimeSchedule"), (None, "AssetTriggeredTimetable")]
)
def test_an_asset_starts_it_beside_its_times_or_alone(times, kind, airflow_home):
    from airflow.sdk import DAG

    from dags.nightly_regression import schedule_of
    from include.regression.settings import NightlyStudy

    settings = NightlyStudy(schedule=times, asset="image_of_my_program", timezone="UTC")
    made = DAG("made", schedule=schedule_of(settings), start_date=datetime(2026, 1, 1, tzinfo=UTC))
    assert type(made.timetable).__name__ == kind
    (asset,) = made.timetable.asset_condition.objects
    assert asset.name == "image_of_my_program"


def test_a_study_that_nothing_starts_is_refused():
    from pydantic import ValidationError

    from include.regression.settings import NightlyStudy

    with pytest.raises(ValidationError, match="nothing would ever start the study"):
        NightlyStudy(timezone="UTC")


def test_the_form_starts_with_the_study_of_the_file(dag):
    assert dag.params.get_param("name").value == "nightly"
    assert "preset" not in dag.params


def test_phases_leave_the_workers_to_a_confirmation(dag):
    assert dag.task_dict["phase_1.uninstall"].op_kwargs == {"stays_warm": True}


def test_the_confirmation_runs_before_the_cluster_goes_and_the_verdict_decides_alone(dag):
    assert dag.task_dict["confirmation.install"].upstream_task_ids == {"examine"}
    assert "confirmation.uninstall" in dag.task_dict["destroy"].upstream_task_ids
    deciding = [t.task_id for t in dag.tasks if t.is_teardown and t.on_failure_fail_dagrun]
    assert deciding == ["verdict"]
    for task_id in ("publish", "notify"):
        assert dag.task_dict[task_id].is_teardown


@pytest.fixture
def night(run, params, tmp_path, monkeypatch):
    """Runs tonight after nights of 50 s: `now` by image; keywords go to the fake cluster."""
    from include.regression import nightly
    from include.study import turn

    root = tmp_path / "results"
    monkeypatch.setattr(studies, "FIRST", datetime.now(tz=UTC) - timedelta(days=NIGHTS + 5))
    monkeypatch.setattr(studies, "JOURNAL", tmp_path / "journal")
    studies.make_nights(root, NIGHTS, image="last:good")
    params.update(operators=["fake_a"], repeats=5, warmups=0)
    said = []
    check = nightly.raise_if_confirmed

    def note(results):
        try:
            check(results)
        except nightly.RegressionConfirmed as err:
            said.append(str(err))
            raise

    monkeypatch.setattr(nightly, "raise_if_confirmed", note)

    def run_night(*, now, **options):
        values = iter(times(nights=1, repeats=100, seed=5)[0] / 50)

        def measure(point, setting):
            record = run_point(point, setting)
            image = setting.handle.image
            changes = {"image": image}
            if record.figures.get("loop_time_s") is not None:
                drawn = {"loop_time_s": now[image] * next(values)}
                changes["figures"] = record.figures | drawn
            record = record.model_copy(update=changes)
            setting.results.write_json(f"points/{point.point_id}/record.json", record.to_json())
            return record

        monkeypatch.setattr(turn, "run_point", measure)
        ended = run(**options)
        run_id = ended.dag_run.run_id
        found = [f.parent for f in root.glob("*/run.json") if f'"{run_id}"' in f.read_text()]
        return ended, Results(found[0]), "\n".join(said)

    return run_night


def test_a_quiet_night_is_green_and_confirms_nothing(night):
    ended, results, said = night(now={"fake": 50.0})
    assert ended.state == "success"
    assert said == ended.verdict == ""
    assert {ended.tasks[f"confirmation.{step}"] for step in STEPS} == {"skipped"}
    assert read_published(results).news == ()


def test_a_slow_image_is_confirmed_on_the_warm_cluster_and_the_run_is_red_for_it(night):
    ended, results, said = night(now={"fake": 55.0, "last:good": 50.0})
    assert ended.state == "failed"
    assert ended.verdict == ""  # the pipeline is whole
    assert "image: last:good → fake" in said
    assert ended.journal.count("install fake-a") == 2
    assert ended.journal[-2:] == ["uninstall fake-a", "delete"]
    assert len(read_published(results).news) == 1
    assert {s for t, s in ended.tasks.items() if t.startswith("confirmation")} == {"success"}


def test_a_night_without_its_operator_is_red_as_a_broken_pipeline_and_no_data(night):
    ended, results, said = night(now={"fake": 50.0}, fail=["install fake-a"])
    assert ended.state == "failed"
    assert said == ""
    assert "phase_1.install failed" in ended.verdict
    published = read_published(results)
    assert len(published.no_data) == 1
    assert "no data" in results.read_text("regression/summary.md").splitlines()[0]


def test_a_failed_point_is_red_as_a_broken_pipeline_and_no_data(night):
    ended, results, said = night(now={"fake": 55.0, "last:good": 50.0}, points={"2": "failed"})
    assert ended.state == "failed"
    assert said == ""
    assert "point 2 of 5" in ended.verdict
    published = read_published(results)
    assert published.news == ()
    assert len(published.no_data) == 1
