from pathlib import Path

import numpy as np
import pytest

from include.analysis.looks import look_at, schedule
from include.bench import adaptive, recorded_cells
from include.errors import StudyError

TRIALS = 300


@pytest.fixture(scope="module")
def cells():
    """Cells like those of run 6: spreads of 1 to 4 %, with a slow tail."""
    random = np.random.default_rng(7)
    spreads = (0.01, 0.02, 0.03, 0.04)
    return [100 * np.exp(random.gumbel(0, spread, 20)) for spread in spreads]


@pytest.mark.parametrize("drift", [0.0, adaptive.DRIFT])
def test_studies_without_a_difference_name_a_false_winner_in_at_most_five_percent(cells, drift):
    alike = [(cell, cell) for cell in cells]
    error = adaptive.false_winners(adaptive.split_levels, alike, drift=drift, trials=TRIALS, seed=1)
    assert error.studies <= 0.05
    assert error.worst <= 0.055


def test_a_rule_that_looks_without_correction_would_be_noticed(cells):
    def uncorrected(values, baseline, comparisons):
        ends = adaptive._nothing_yet(len(values))
        for n in (6, 10, 15, 20):
            _, low, high = adaptive._intervals(values[:, :n], baseline[:, :n], 0.05)
            ends.winner[(low > 0) | (high < 0)] = 1
        return ends

    alike = [(cell, cell) for cell in cells]
    error = adaptive.false_winners(uncorrected, alike, drift=0, trials=TRIALS, seed=1)
    assert error.studies > 0.2


def test_real_differences_are_named_with_fewer_jobs_and_intervals_that_cover(cells):
    pairs = [(cell * 0.95, cell) for cell in cells]
    power = adaptive.right_winners(adaptive.split_levels, pairs, trials=TRIALS, seed=1)
    assert power.right > 0.8
    assert power.wrong == 0
    assert power.jobs < 0.8 * 2 * adaptive.REPEATS * len(pairs)
    assert power.covered >= 0.95


def test_many_studies_at_once_end_as_one_study_does(cells):
    random = np.random.default_rng(3)
    values, baseline = (random.choice(cells[2], (20, adaptive.REPEATS)) for _ in range(2))
    values = values * np.linspace(0.9, 1, 20)[:, None]
    ends = adaptive.split_levels(values, baseline, 4)
    plan = schedule(repeats_min=6, repeats=20, comparisons=4)
    for row in range(20):
        for look, n in enumerate(plan.repeats, start=1):
            seen = look_at(values[row, :n], baseline=baseline[row, :n], plan=plan, look=look)
            if seen.decision is not None:
                break
        assert seen.repeats == ends.repeats[row]
        assert np.expm1(ends.low[row]) * 100 == pytest.approx(seen.low_percent)


def test_folders_without_runs_are_refused(tmp_path):
    with pytest.raises(StudyError, match="no experiment found"):
        recorded_cells.read_cells([tmp_path])
    assert adaptive.main(["--runs", str(tmp_path)]) == 2


def test_pairs_of_folders_have_rows_of_their_own(cells, monkeypatch):
    folders = {"a": {("x", 12): cells[0], ("x", 8): cells[1]}, "b": {("y", 12): cells[0]}}
    monkeypatch.setattr(recorded_cells, "read_cells", lambda given: folders[given[0].name])
    (pair,) = adaptive.alike_in(Path("a"), Path("b"))
    assert pair[0] is pair[1] is cells[0]
    folders["c"] = {("z", 2): cells[0]}
    with pytest.raises(StudyError, match="a and c have no size in common"):
        adaptive.alike_in(Path("a"), Path("c"))
    runs = {("mpi", 1): cells[0], ("flux", 1): cells[1]}
    lines = list(adaptive.study(runs, alike=[pair], trials=20, seed=1))
    assert sum(", between two folders |" in line for line in lines) == 2 * len(adaptive.RULES)
