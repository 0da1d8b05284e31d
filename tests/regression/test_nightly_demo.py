"""The demonstration: where the step is, and when it counts as found."""

from __future__ import annotations

import pytest

from include.regression import nightly_demo
from include.study.plan import read_study
from tests.regression.alerts import ALERT


@pytest.mark.parametrize("seed", range(5))
def test_the_step_has_nights_before_and_after_it(seed, tmp_path):
    demo = _demo(tmp_path, "--seed", str(seed))
    assert nightly_demo.EARLIEST <= demo.step_night <= demo.nights - nightly_demo.LATEST
    assert demo.step_night == _demo(tmp_path, "--seed", str(seed)).step_night
    read_study(demo.params())


def test_one_alert_at_the_step_is_dated_right_and_anything_else_is_not(tmp_path):
    demo = _demo(tmp_path)
    at = ALERT.model_copy(update={"night": demo.date_of(demo.step_night)})
    off = ALERT.model_copy(update={"night": demo.date_of(2)})
    assert nightly_demo._is_dated_right(demo, [at])
    assert not any(nightly_demo._is_dated_right(demo, told) for told in ([], [off], [at, off]))


def _demo(tmp_path, *arguments):
    given = nightly_demo._parser().parse_args([*arguments, "--out", str(tmp_path)])
    return nightly_demo._make_demo(given)
