"""Acknowledging, pinning and exporting from the command line."""

from __future__ import annotations

import pytest

from include.regression.history_csv import read_history
from include.regression.nights import gather
from include.regression.settings import Version
from include.regression.state import main
from include.regression.store import Store
from tests.regression.studies import SERIES, date_of, make_nights


@pytest.fixture
def store(tmp_path):
    make_nights(tmp_path, 3)
    found = Store(tmp_path, SERIES)
    found.update(keep_nights=400, tonight=date_of(2))
    return found


def call(tmp_path, *words):
    return main([str(tmp_path), SERIES, *words])


def test_a_change_is_acknowledged_with_its_reason(store, tmp_path, capsys):
    nights = gather(store.nights(), any_of=tuple(Version))
    (group,) = nights.sources
    assert call(tmp_path, "acknowledge", group, date_of(1), "--reason", "new compiler") == 0
    assert [(w.group, w.night, w.reason) for w in store.acknowledged()] == [
        (group, date_of(1), "new compiler")
    ]
    assert call(tmp_path, "acknowledge", "other", date_of(1), "--reason", "x") == 2
    assert f"there is no group 'other'; there are {group}" in capsys.readouterr().err


def test_the_baseline_is_pinned_and_let_go(store, tmp_path, capsys):
    assert call(tmp_path, "pin", date_of(1), "--reason", "release") == 0
    assert store.pin().night == date_of(1)
    assert call(tmp_path, "unpin") == 0
    assert store.pin() is None
    assert call(tmp_path, "pin", "yesterday", "--reason", "release") == 2
    assert "no date" in capsys.readouterr().err
    assert call(tmp_path, "pin", "2062-01-01", "--reason", "a slip") == 2
    said = f"none of the history, {date_of(0)} to {date_of(2)}"
    assert said in capsys.readouterr().err
    assert store.pin() is None


def test_the_exported_history_can_be_analysed(store, tmp_path, capsys):
    assert call(tmp_path, "export") == 0
    history = read_history(capsys.readouterr().out, source="export")
    assert [len(repeats) for repeats in history.series[0].repeats] == [5, 5, 5]


def test_a_history_that_was_damaged_is_named(store, tmp_path, capsys):
    store.files.write_text("history.json", "[]")
    assert call(tmp_path, "export") == 2
    assert "history.json has an unknown schema" in capsys.readouterr().err


def test_a_series_without_nights_is_refused(tmp_path, capsys):
    assert call(tmp_path, "unpin") == 2
    assert "has no nights of a series 'nightly'" in capsys.readouterr().err
