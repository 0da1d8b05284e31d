"""The application `command`: what a study may ask for, and what its output must be."""

from __future__ import annotations

import os
import subprocess

import pytest
from pydantic import ValidationError

from include import applications
from include.applications.command import FIRST_LINE, LAST_LINE
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
    result = application.parse([FIRST_LINE, *lines, LAST_LINE])
    application.check(result, options=options, ranks=2)
    return result


def test_a_figure_is_read_with_unit_and_direction():
    application = COMMAND.configured(COMMAND.read_options(given()))
    assert application.figures[0].unit == "GB/s"
    assert application.figures[0].better == "higher"
    assert parsed(["Triad:   12.5 GB/s"]).figures == {"rate_gb_per_s": 12.5}


def test_the_command_has_its_environment_and_folder():
    options = COMMAND.read_options(
        given(arguments=["-n", "5"], environment={"OMP_NUM_THREADS": "2"}, folder="/opt/stream")
    )
    application = COMMAND.configured(options)
    words = ("env", "OMP_NUM_THREADS=2", "stream", "-n", "5")
    assert application.command(options)[-len(words) :] == words
    assert application.work_dir == "/opt/stream"
    assert application.program(options) == "stream"


def test_a_program_whose_first_and_last_line_are_known_runs_alone():
    options = COMMAND.read_options(given(first_line="STREAM", last_line="Solution"))
    assert COMMAND.configured(options).command(options) == ("stream",)


def test_without_these_lines_the_first_rank_prints_them_around_the_program():
    options = COMMAND.read_options(given(program="echo", arguments=["Triad:  1.5"]))
    application = COMMAND.configured(options)
    for rank, lines in {"0": 3, "1": 1}.items():
        printed = subprocess.run(
            application.command(options),
            env={"PATH": os.environ["PATH"], "OMPI_COMM_WORLD_RANK": rank},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        assert len(printed) == lines
        if rank == "0":
            assert application.parse(printed).figures == {"rate_gb_per_s": 1.5}
            assert printed[0] == application.first_line
            assert printed[-1] == application.last_line


def test_a_program_that_fails_fails_the_command():
    options = COMMAND.read_options(given(program="false"))
    command = COMMAND.configured(options).command(options)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


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
        (["Triad: 1,234.5 GB/s"], ParseError, "'1' is a part of a longer number"),
        (["Triad: 12,5 GB/s"], ParseError, "'12' is a part of a longer number"),
        (["Triad: 1.5e+03 GB/s"], ParseError, "'1.5' is a part of a longer number"),
        (["Triad: 1'234 GB/s"], ParseError, "'1' is a part of a longer number"),
        (["Triad: 1\u202f234 GB/s"], ParseError, "'1' is a part of a longer number"),
    ],
)
def test_an_output_without_exactly_its_figure_is_invalid(lines, error, reason):
    with pytest.raises(error, match=reason):
        parsed(lines)


@pytest.mark.parametrize(
    ("pattern", "line", "value"),
    [
        (r"([0-9.]+) GB", "rate 1,234.5 GB", None),
        (r"([0-9.]+) GB", "rate -5.0 GB", None),
        (r"([0-9.]+)", "rate .5", 0.5),
        (r"([0-9]+)", "rate .5", None),
        (r"^8,([0-9.]+)", "8,1.60,3.20", 1.6),
        (r"^8,([0-9]+),", "8,16,32", 16),
        (r"rate=([-+0-9.e]+)", "rate=1e-3;", 1e-3),
        (r"at ([0-9]+)\.", "at 12.", 12),
    ],
)
def test_a_number_is_read_as_a_whole_or_not_at_all(pattern, line, value):
    figures = [{**RATE, "pattern": pattern}]
    if value is None:
        with pytest.raises(ParseError, match="a part of a longer number"):
            parsed([line], figures=figures)
    else:
        assert parsed([line], figures=figures).figures["rate_gb_per_s"] == value


def test_a_sample_is_read_like_an_output_and_refused_when_it_does_not_fit():
    COMMAND.read_options(given(sample=["Triad: 12.5"]))
    with pytest.raises(ValidationError, match="sample: no line matches"):
        COMMAND.read_options(given(sample=["Copy: 12.5"]))
    with pytest.raises(ValidationError, match="sample: no line has 'Validates'"):
        COMMAND.read_options(given(sample=["Triad: 12.5"], must_have=["Validates"]))


def test_a_sample_with_an_expected_figure_is_played_as_it_is():
    expected = [{"figure": "rate_gb_per_s", "value": 12.5, "tolerance_percent": 1}]
    options = COMMAND.read_options(given(sample=["Triad: 12.5"], expected=expected))
    application = COMMAND.configured(options)
    lines = [line.text for line in application.synthetic_output(options, ranks=2, run_time_s=1.0)]
    application.check(application.parse(lines), options=options, ranks=2)


@pytest.mark.parametrize("missing", [FIRST_LINE, LAST_LINE])
def test_an_output_without_its_first_or_last_line_was_cut(missing):
    application = COMMAND.configured(COMMAND.read_options(given()))
    lines = [FIRST_LINE, "Triad: 1", LAST_LINE]
    with pytest.raises(ParseError, match=f"no line begins with '{missing}'"):
        application.parse([line for line in lines if line != missing])


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
        ({"figures": [{**RATE, "name": "nodes"}]}, "'nodes' is a column of every record"),
    ],
)
def test_a_study_that_cannot_be_measured_is_refused(changes, reason):
    with pytest.raises(ValidationError, match=reason):
        COMMAND.read_options(given(**changes))


def test_runs_of_another_command_are_of_another_problem():
    short = COMMAND.read_options(given(arguments=["-n", "1"]))
    long = COMMAND.read_options(given(arguments=["-n", "2"]))
    assert COMMAND.problem(short) != COMMAND.problem(long)
