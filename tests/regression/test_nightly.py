"""A nightly run after its points: examine, confirm, publish, judge."""

from __future__ import annotations

import json
import shutil
from xml.etree import ElementTree as ET

import pytest

from include.regression import confirmation_plan, nightly
from include.regression.alerts import Source
from include.regression.findings import Acknowledgement
from include.regression.store import Pin, Store
from include.results import Results
from tests.fakes.points import record_of
from tests.regression.histories import times
from tests.regression.studies import SERIES, SETTINGS, date_of, make_nights, make_study


def examine(root, results, number):
    return nightly.examine_night(
        results, root=root, series=SERIES, settings=SETTINGS, night=date_of(number)
    )


def publish(root, results):
    return nightly.publish(results, root=root, series=SERIES, settings=SETTINGS)


def run_confirmation(results, points, *, slow):
    """Stores a record of each point: the image app:2 is `slow` times slower."""
    planned = confirmation_plan.read(results)
    noise = times(nights=1, repeats=len(points), seed=9)[0]
    folder = Results(results.path("confirmation"))
    for point, value in zip(points, noise, strict=True):
        image = planned.trials[point.point_id].image
        factor = slow if image == "app:2" else 1.0
        record = record_of(point, image=image, loop_time_s=value * factor)
        folder.write_json(f"points/{point.point_id}/record.json", record.to_json())


def test_a_quiet_night_has_nothing_to_confirm_and_passes(tmp_path):
    results = make_nights(tmp_path, 20)[-1]
    assert examine(tmp_path, results, 19) == ()
    published = publish(tmp_path, results)
    assert (published.news, published.suspects, published.no_data) == ((), (), ())
    nightly.raise_if_confirmed(results)
    assert "no new regression" in results.read_text("regression/summary.md")
    suite = ET.fromstring(results.read_text("regression/junit.xml").encode())  # noqa: S314  our own
    assert suite.attrib["failures"] == "0"


def test_a_slow_image_is_confirmed_the_same_night_with_the_evidence(tmp_path):
    results = make_nights(tmp_path, 20, steps=[(19, 1.06)], image_from=19)[-1]
    points = examine(tmp_path, results, 19)
    assert len(points) == 2 * SETTINGS.confirmation_blocks
    run_confirmation(results, points, slow=1.06)
    published = publish(tmp_path, results)
    assert [alert.source.value for alert in published.news] == ["interleaved confirmation"]
    with pytest.raises(nightly.RegressionConfirmed) as caught:
        nightly.raise_if_confirmed(results)
    for part in ("night 2026-01-20", "fake_a 2n", "image: app:1 → app:2", "p = "):
        assert part in str(caught.value)
    suite = ET.fromstring(results.read_text("regression/junit.xml").encode())  # noqa: S314  our own
    assert suite.find("testcase/failure").attrib["type"] == "RegressionConfirmed"


def test_a_suspect_that_is_not_confirmed_alarms_nobody(tmp_path):
    results = make_nights(tmp_path, 20, steps=[(19, 1.06)], image_from=19)[-1]
    points = examine(tmp_path, results, 19)
    run_confirmation(results, points, slow=1.0)
    published = publish(tmp_path, results)
    assert published.news == ()
    assert "; not confirmed: " in published.suspects[0]
    nightly.raise_if_confirmed(results)


def test_an_unchanged_image_is_only_repeated(tmp_path):
    results = make_nights(tmp_path, 20, steps=[(19, 1.06)])[-1]
    points = examine(tmp_path, results, 19)
    assert len(points) == SETTINGS.confirmation_blocks
    run_confirmation(results, points, slow=1.0)
    assert "image unchanged" in publish(tmp_path, results).suspects[0]


def test_a_confirmation_interleaves_both_images_on_the_same_nodes(tmp_path):
    results = make_nights(tmp_path, 20, steps=[(19, 1.06)], image_from=19)[-1]
    points = examine(tmp_path, results, 19)
    trials = confirmation_plan.read(results).trials
    orders = []
    for first, second in zip(points[::2], points[1::2], strict=True):
        assert trials[first.point_id].block == trials[second.point_id].block
        assert first.workers == second.workers
        orders.append(trials[first.point_id].image)
    assert {trials[point.point_id].image for point in points} == {"app:1", "app:2"}
    assert len(set(orders)) == 2  # which goes first is random
    assert points == examine(tmp_path, results, 19)  # and the same when asked again


def test_one_alert_per_shift_not_one_per_night(tmp_path):
    every = make_nights(tmp_path, 32, steps=[(24, 1.06)])
    told = []
    for number in range(22, 32):
        for later in every[number + 1 :]:
            later.path("run.json").rename(later.path("run.hidden"))
        examine(tmp_path, every[number], number)
        told += publish(tmp_path, every[number]).news
        for later in every[number + 1 :]:
            later.path("run.hidden").rename(later.path("run.json"))
        again = publish(tmp_path, every[number])  # a task that is run again tells the same
        assert [alert.night for alert in again.news] == [
            alert.night for alert in told if alert.told_by == every[number].plan().study_id
        ]
    assert [(alert.kind.value, alert.night) for alert in told] == [("regression", "2026-01-25")]


def test_an_improvement_is_told_and_the_run_stays_green(tmp_path):
    results = make_nights(tmp_path, 32, steps=[(24, 0.94)])[-1]
    examine(tmp_path, results, 31)
    assert [alert.kind.value for alert in publish(tmp_path, results).news] == ["improvement"]
    nightly.raise_if_confirmed(results)


def test_an_acknowledged_change_is_no_news(tmp_path):
    results = make_nights(tmp_path, 32, steps=[(24, 1.06)])[-1]
    examine(tmp_path, results, 31)
    group = publish(tmp_path, results).news[0].group
    store = Store(tmp_path, SERIES)
    store.acknowledge(Acknowledgement(group=group, night=date_of(24), reason="new compiler"))
    assert publish(tmp_path, results).news == ()
    assert "new compiler" in results.read_text("regression/summary.md")


def test_a_night_with_a_failed_point_is_no_data(tmp_path):
    make_nights(tmp_path, 20)
    slow = [60.0] * 5
    results = make_study(tmp_path, 20, slow, failed=(2,))
    assert examine(tmp_path, results, 20) == ()
    published = publish(tmp_path, results)
    assert len(published.no_data) == 1
    assert "no data tonight: fake_a 2n" in results.read_text("regression/summary.md")
    suite = ET.fromstring(results.read_text("regression/junit.xml").encode())  # noqa: S314  our own
    assert suite.attrib["skipped"] == "1"


def test_the_trend_marks_a_shift_once_and_none_of_a_night_that_is_no_longer_kept(tmp_path):
    results = make_nights(tmp_path, 32, steps=[(24, 1.06)])[-1]
    examine(tmp_path, results, 31)
    (change,) = publish(tmp_path, results).news
    confirmed = {"source": Source.CONFIRMATION, "told_by": "another"}
    nights = (date_of(25), date_of(4), date_of(-9))
    Store(tmp_path, SERIES).write_alerts(
        tuple(change.model_copy(update=confirmed | {"night": night}) for night in nights)
    )
    publish(tmp_path, results)
    (group,) = json.loads((tmp_path / "regression" / SERIES / "trend.json").read_text())["groups"]
    assert [mark["night"] for mark in group["marks"]] == [date_of(4), date_of(24)]


def test_a_night_in_which_nothing_could_be_run_is_no_data_and_the_trend_stays(tmp_path):
    earlier = make_nights(tmp_path, 20)[-1]
    examine(tmp_path, earlier, 19)
    publish(tmp_path, earlier)
    trend = tmp_path / "regression" / SERIES / "trend.json"
    (group,) = json.loads(trend.read_text())["groups"]
    results = make_study(tmp_path, 20, [50.0] * 5)
    shutil.rmtree(tmp_path / results.plan().study_id / "points")
    nightly.note_night(results, series=SERIES, night=date_of(20))
    published = publish(tmp_path, results)
    assert published.no_data == (group["group"],)
    assert "night 2026-01-21: no data\n" in results.read_text("regression/summary.md")
    suite = ET.fromstring(results.read_text("regression/junit.xml").encode())  # noqa: S314  our own
    assert (suite.attrib["tests"], suite.attrib["skipped"]) == ("1", "1")
    (after,) = json.loads(trend.read_text())["groups"]
    assert after["points"] == group["points"]
    assert after["no_data"] == [date_of(20)]


def test_an_operator_that_could_not_be_installed_has_no_data_and_the_others_do(tmp_path):
    both = {"operators": ("fake_a", "fake_b")}
    for number in range(8):
        make_study(tmp_path, number, [50.0 + number, 51.0], **both)
    results = make_study(tmp_path, 8, [50.0, 51.0], **both)
    for path in (tmp_path / results.plan().study_id / "points").glob("*fake-b*"):
        shutil.rmtree(path)
    examine(tmp_path, make_study(tmp_path, 7, [50.0, 51.0], **both), 7)
    examine(tmp_path, results, 8)
    (missing,) = publish(tmp_path, results).no_data
    assert missing.startswith("fake_b 2n ")
    assert "no new regression; no data: 1 of 2 groups" in results.read_text("regression/summary.md")


def test_what_was_never_measured_is_no_data_under_its_plain_name(tmp_path):
    results = make_study(tmp_path, 0, [50.0, 51.0])
    shutil.rmtree(tmp_path / results.plan().study_id / "points")
    examine(tmp_path, results, 0)
    assert publish(tmp_path, results).no_data == ("fake_a 2n",)
    assert "no data tonight: fake_a 2n" in results.read_text("regression/summary.md")


def test_simulated_nights_are_called_so_wherever_their_group_is_named(tmp_path):
    results = make_study(tmp_path, 0, [50.0, 51.0], failed=(2,), simulated=True)
    examine(tmp_path, results, 0)
    assert publish(tmp_path, results).no_data[0].startswith("fake_a 2n simulated ")


def test_a_pinned_baseline_is_what_later_nights_are_compared_with(tmp_path):
    results = make_nights(tmp_path, 40, steps=[(15, 1.06)])[-1]
    assert examine(tmp_path, results, 39) == ()
    Store(tmp_path, SERIES).write_pin(Pin(night=date_of(14), reason="release 1"))
    assert len(examine(tmp_path, results, 39)) == SETTINGS.confirmation_blocks


def test_the_trend_has_each_night_with_its_run(tmp_path):
    results = make_nights(tmp_path, 32, steps=[(24, 1.06)], image_from=24)[-1]
    examine(tmp_path, results, 31)
    publish(tmp_path, results)
    trend = json.loads((tmp_path / "regression" / SERIES / "trend.json").read_text())
    group = trend["groups"][0]
    assert len(group["points"]) == 32
    last = group["points"][-1]
    assert last["low"] < last["value"] < last["high"]
    assert (last["dag_id"], last["run_id"]) == ("nightly_regression", "run-31")
    assert [(mark["night"], mark["differs"]) for mark in group["marks"]] == [
        ("2026-01-25", ["image: app:1 → app:2"])
    ]
