"""The history of a series: which studies it reads, what it keeps, and what of another schema."""

from __future__ import annotations

import json
import logging
import shutil

import pytest

from include.regression.nights import gather
from include.regression.record_sets import read_study
from include.regression.series import HistoryError
from include.regression.settings import Version
from include.regression.store import Store
from tests.regression.studies import SERIES, date_of, make_nights, make_study

ANY = tuple(Version)


def update(root, *, tonight=10, keep_nights=400):
    return Store(root, SERIES).update(keep_nights=keep_nights, tonight=date_of(tonight))


def groups(studies, any_of=ANY):
    return {cell.group(any_of) for study in studies for cell in study.cells}


def test_studies_of_one_configuration_are_one_group_whatever_their_versions(tmp_path):
    make_study(tmp_path, 0, [50.0, 51.0])
    make_study(tmp_path, 1, [50.0, 51.0], image="app:2", operator_version="2")
    studies = update(tmp_path)
    assert len(groups(studies)) == 1
    assert len(groups(studies, any_of=())) == 2


@pytest.mark.parametrize(
    "other",
    [{"binding": "core"}, {"instance_type": "big"}, {"application": "other"}, {"ranks": 4}],
    ids=str,
)
def test_what_must_be_equal_makes_a_group_of_its_own(tmp_path, other):
    make_study(tmp_path, 0, [50.0, 51.0])
    make_study(tmp_path, 1, [50.0, 51.0], **other)
    assert len(groups(update(tmp_path))) == 2


def test_what_differs_between_two_nights_is_shown(tmp_path):
    make_study(tmp_path, 0, [50.0, 51.0], image_digest="sha256:" + "a" * 64)
    make_study(tmp_path, 1, [50.0, 51.0], image_digest="sha256:" + "b" * 64)
    nights = gather(update(tmp_path), any_of=ANY)
    (group,) = nights.sources
    assert nights.differences(group, *nights.sources[group]) == (
        f"image digest: sha256:{'a' * 12} → sha256:{'b' * 12}",
    )


def test_a_history_outlives_the_folders_of_its_studies(tmp_path):
    made = make_nights(tmp_path, 4)
    update(tmp_path)
    shutil.rmtree(made[0].root)
    make_study(tmp_path, 4, [50.0, 51.0])
    assert [study.night for study in update(tmp_path)] == [date_of(n) for n in range(5)]


def test_nights_that_are_too_old_are_dropped(tmp_path):
    make_nights(tmp_path, 6)
    assert [study.night for study in update(tmp_path, tonight=5, keep_nights=2)] == [
        date_of(n) for n in (3, 4, 5)
    ]
    stored = json.loads((tmp_path / "regression" / SERIES / "history.json").read_text())
    assert len(stored["nights"]) == 3


def test_another_schema_of_the_history_is_read_anew_from_the_record_sets(tmp_path, caplog):
    make_nights(tmp_path, 3)
    before = update(tmp_path)
    file = tmp_path / "regression" / SERIES / "history.json"
    stored = json.loads(file.read_text())
    for night in stored["nights"]:
        night["cells"] = "as they were once"
    gone = {"study_id": "gone", "night": date_of(1), "cells": "as they were once"}
    file.write_text(json.dumps({"schema_version": 0, "nights": [*stored["nights"], gone]}))
    with caplog.at_level(logging.WARNING):
        assert update(tmp_path) == before
    assert "another schema: record sets are read anew" in caplog.text
    assert f"night {date_of(1)} cannot be read any more" in caplog.text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("history.json", '{"nights": []}', "schema_version: Field required"),
        ("history.json", '{"schema_version": 1, "nigh', "Invalid JSON"),
        (
            "acknowledged.json",
            '[{"group": "a", "night": "2026-01-01"}]',
            "0.reason: Field required",
        ),
        ("alerts.json", "{}", "the whole: Input should be a valid array"),
        ("baseline.json", '{"night": "2026-01-01"}', "reason: Field required"),
    ],
)
def test_a_file_that_was_damaged_is_named_and_nothing_is_written_over_it(
    tmp_path, name, text, said
):
    make_nights(tmp_path, 2)
    store = Store(tmp_path, SERIES)
    store.files.write_text(name, text)
    with pytest.raises(HistoryError, match=f"{name} has an unknown schema: .*{said}.*move it away"):
        (update(tmp_path), store.alerts(), store.acknowledged(), store.pin())
    assert store.files.read_text(name) == text


def test_records_of_later_versions_are_read_and_of_unknown_ones_named(tmp_path, caplog):
    first, second = make_nights(tmp_path, 2)
    _change(first, lambda record: record | {"something_new": 1})
    _change(second, lambda record: {k: v for k, v in record.items() if k != "status"})
    with caplog.at_level(logging.WARNING):
        assert [study.night for study in update(tmp_path)] == [date_of(0)]
    study_id = second.plan().study_id
    assert f"study {study_id} has an unknown schema, left out: KeyError: 'status'" in caplog.text
    with pytest.raises(HistoryError, match="unknown schema"):
        read_study(second, study_id=study_id)


def _change(results, change):
    for path in results.path("points").glob("*/record.json"):
        path.write_text(json.dumps(change(json.loads(path.read_text()))))


def test_two_studies_of_one_date_are_one_night(tmp_path):
    make_study(tmp_path, 0, [50.0, 51.0])
    other = make_study(tmp_path, 1, [52.0, 53.0])
    other.write_json("night.json", {"series": SERIES, "night": date_of(0)})
    nights = gather(update(tmp_path), any_of=ANY)
    assert sorted(nights.history.series[0].repeats[0]) == [50.0, 51.0, 52.0, 53.0]
    assert len(nights.history.series[0].nights) == 1


@pytest.mark.parametrize(("marked", "is_whole"), [(True, True), (False, False)])
def test_a_night_that_needed_fewer_repeats_is_whole_and_one_that_lacks_some_is_none(
    tmp_path, marked, is_whole
):
    results = make_study(tmp_path, 0, [50.0 + n / 10 for n in range(8)])
    study = json.loads(results.read_bytes("study.json"))
    results.write_json("study.json", {**study, "repeats_min": 6})
    for point in results.plan().points[6:]:
        shutil.rmtree(tmp_path / results.root.name / "points" / point.point_id)
        if marked:
            results.of_point(point.point_id).write_json("not_needed.json", {"task": "t"})
    (cell,) = read_study(results, study_id="s").cells
    assert cell.is_whole is is_whole
