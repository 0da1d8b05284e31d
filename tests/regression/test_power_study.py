"""The power study, in small: steps are found, and without any little is said."""

from __future__ import annotations

from include.regression import power_study
from include.regression.power import Conditions, count_false_alarms, find_steps, synthetic_cells
from tests.recorded_runs.folders import mpi_folder


def test_a_step_of_5_percent_is_found_within_nights():
    cells = synthetic_cells()[:3]
    found = find_steps(cells, effect=0.05, trials=15, seed=1, conditions=Conditions())
    assert found.steps == 45
    assert found.within[2] >= 0.9
    assert found.within[6] == 1.0
    assert list(found.within) == sorted(found.within)
    assert 0.5 < found.suspect_first_night <= 1.0
    assert found.confirmed_first_night <= found.suspect_first_night


def test_little_is_said_of_nights_that_only_differ_by_chance():
    cells = synthetic_cells()[:3]
    found = count_false_alarms(cells, trials=3, seed=1, conditions=Conditions())
    assert found.histories == 9
    assert found.regressions <= found.changes <= 0.5
    assert found.suspects <= 2
    assert found.suspects_confirmed <= 0.2


def test_made_up_run_times_are_called_so(capsys):
    assert power_study.main(["--trials", "1"]) == 0
    shown = capsys.readouterr().out
    assert "SYNTHETIC" in shown
    assert len([line for line in shown.splitlines() if line.startswith("| ")]) == 10


def test_a_folder_without_runs_is_refused(tmp_path, capsys):
    assert power_study.main(["--runs", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_cells_are_read_from_recorded_runs(tmp_path):
    mpi_folder(tmp_path / "run")
    assert [cell.tolist() for cell in power_study.read_cells(tmp_path)] == [[44.004, 45.0]]
