"""The application `command`: what a study may ask for, and what its output must be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, ParseError

COMMAND = applications.load("command")
RATE = {
    "name": "rate_gb_per_s",
    "pattern": r"^Triad: +([0-9.]+)",
    "unit": "GB/s",
    "better": "higher",
    "primary": True,
}


def given(**changes):
    return {"program": "stream", "figures": [RATE], **changes}


def parsed(lines, **changes):
    options = COMMAND.read_options(given(**changes))
    application = COMMAND.configured(options)
    result = application.parse(lines)
    application.check(result, options=options, ranks=2)
    return result


def test_a_figure_is_read_with_unit_and_direction():
    application = COMMAND.configured(COMMAND.read_options(given()))
    assert application.figures[0].unit == "GB/s"
    assert application.figures[0].better == "higher"
    assert application.parse(["Triad:   12.5 GB/s"]).figures == {"rate_gb_per_s": 12.5}


def test_the_command_has_its_environment_and_folder():
    options = COMMAND.read_options(
        given(arguments=["-n", "5"], environment={"OMP_NUM_THREADS": "2"}, folder="/opt/stream")
    )
    application = COMMAND.configured(options)
    assert application.command(options) == ("env", "OMP_NUM_THREADS=2", "stream", "-n", "5")
    assert application.work_dir == "/opt/stream"


@pytest.mark.parametrize(
    ("take", "value"),
    [("last", 2), ("first", 3), ("min", 1), ("max", 3), ("sum", 6), ("median", 2)],
)
def test_of_several_values_the_study_says_which_counts(take, value):
    lines = ["Triad: 3", "Triad: 1", "Triad: 2"]
    assert parsed(lines, figures=[{**RATE, "take": take}]).figures["rate_gb_per_s"] == value


@pytest.mark.parametrize(
    ("lines", "error", "reason"),
    [
        (["nothing"], ParseError, r"no line matches '\^Triad"),
        (["Triad: 1", "Triad: 2"], ParseError, "matches 2 times and should once"),
        (["Triad: 1.2.3"], ParseError, "'1.2.3' is no number"),
    ],
)
def test_an_output_without_exactly_its_figure_is_invalid(lines, error, reason):
    with pytest.raises(error, match=reason):
        parsed(lines)


def test_lines_that_must_and_must_not_be_there_decide():
    more = {"must_have": ["^Solution Validates"], "must_not_have": ["WARNING"]}
    parsed(["Triad: 1", "Solution Validates"], **more)
    with pytest.raises(CheckFailed, match="Solution Validates"):
        parsed(["Triad: 1"], **more)
    with pytest.raises(CheckFailed, match="WARNING"):
        parsed(["Triad: 1", "Solution Validates", "WARNING: slow clock"], **more)


def test_an_expected_value_has_a_tolerance():
    expected = [{"figure": "rate_gb_per_s", "value": 10.0, "tolerance_percent": 5}]
    parsed(["Triad: 10.4"], expected=expected)
    with pytest.raises(CheckFailed, match="rate_gb_per_s is 10.6, expected is 10.0 within 5 %"):
        parsed(["Triad: 10.6"], expected=expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"figures": [{**RATE, "pattern": "Triad: ("}]}, "is no regular expression"),
        ({"figures": [{**RATE, "pattern": "Triad: [0-9]+"}]}, "has 0 groups"),
        ({"figures": [{**RATE, "pattern": "(T)riad: ([0-9]+)"}]}, "has 2 groups"),
        ({"figures": [{k: v for k, v in RATE.items() if k != "unit"}]}, "unit"),
        ({"figures": [{**RATE, "unit": ""}]}, "unit"),
        ({"figures": [{**RATE, "primary": False}]}, "0 are primary"),
        ({"figures": [RATE, {**RATE, "name": "other"}]}, "2 are primary"),
        ({"figures": [RATE, {**RATE, "primary": False}]}, "is given twice"),
        ({"figures": [{**RATE, "better": None}]}, "give `better`"),
        ({"figures": []}, "figures"),
        ({"must_have": ["("]}, "is no regular expression"),
        (
            {"expected": [{"figure": "other", "value": 1.0, "tolerance_percent": 1}]},
            "'other' is none of rate_gb_per_s",
        ),
        ({"folder": "relative"}, "folder"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_study_that_cannot_be_measured_is_refused(changes, reason):
    with pytest.raises(ValidationError, match=reason):
        COMMAND.read_options(given(**changes))


def test_runs_of_another_command_are_of_another_problem():
    short = COMMAND.read_options(given(arguments=["-n", "1"]))
    long = COMMAND.read_options(given(arguments=["-n", "2"]))
    assert COMMAND.problem(short) != COMMAND.problem(long)
