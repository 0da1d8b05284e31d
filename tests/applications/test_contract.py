"""What every application adapter must hold, whatever it computes."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, ParseError, StudyError

RANKS = 4


@pytest.fixture(params=applications.available())
def application(request):
    return applications.load(request.param)


@pytest.fixture
def options(application):
    """Those of a study that shows the application; most need none."""
    return application.read_options(dict(application.example))


@pytest.fixture
def output(application, options):
    """What a right run would print; an application without such a model cannot be simulated."""
    try:
        lines = application.synthetic_output(options, ranks=RANKS, loop_time_s=2.5)
    except StudyError as err:
        pytest.skip(str(err))
    return [line.text for line in lines]


def test_it_goes_by_its_modules_name_and_has_a_title(application):
    assert type(application).__module__ == f"include.applications.{application.name}"
    assert application.title


def test_an_option_that_it_does_not_have_is_refused(application):
    with pytest.raises((ValidationError, StudyError)):
        application.read_options({"no_such_option": 1})


def test_command_is_words_and_the_same_each_time(application, options):
    command = application.command(options)
    assert command
    assert all(isinstance(word, str) and word for word in command)
    assert application.command(options) == command
    assert application.work_dir.startswith("/")


def test_problem_names_what_makes_runs_comparable(application, options):
    assert application.problem(options)
    assert application.problem(options) == application.problem(options)


def test_one_figure_is_the_primary_one_and_has_a_direction(application, options):
    (primary,) = (each for each in application.configured(options).figures if each.primary)
    assert primary.better is not None


def test_an_expected_time_says_where_it_is_from(application, options):
    expected_s = application.expected_loop_time_s(options, ranks=RANKS)
    assert (expected_s is None) or (expected_s > 0 and application.expectation)


def test_output_begins_and_ends_with_the_lines_that_bracket_it(application, output):
    begins = [line.startswith(application.first_line) for line in output]
    ends = [line.startswith(application.last_line) for line in output]
    assert any(begins)
    assert any(ends)
    assert begins.index(True) <= len(ends) - 1 - ends[::-1].index(True)


def test_a_right_output_is_read_and_passes_the_check(application, options, output):
    result = application.parse(output)
    known = {figure.name: figure for figure in application.configured(options).figures}
    assert result.figures.keys() <= known.keys()
    assert any(known[name].primary for name in result.figures)
    times_s = [value for name, value in result.figures.items() if known[name].is_run_time]
    assert times_s == [pytest.approx(2.5, rel=0.01)] * len(times_s)
    assert result.ranks in {RANKS, None}
    application.check(result, options=options, ranks=RANKS)


def test_an_output_that_is_cut_off_is_refused(application, output):
    for kept in range(len(output)):
        with pytest.raises(ParseError):
            application.parse(output[:kept])


def test_another_rank_count_fails_the_check(application, options, output):
    result = application.parse(output)
    for ranks in (1, RANKS + 1):
        wrong = dataclasses.replace(result, ranks=ranks)
        with pytest.raises(CheckFailed):
            application.check(wrong, options=options, ranks=RANKS)


def test_a_log_that_tells_of_no_failure_has_no_complaint(application, output):
    assert application.complaint(output) is None
    assert application.complaint([]) is None
