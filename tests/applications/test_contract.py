"""What every application adapter must hold, whatever it computes."""

from __future__ import annotations

import dataclasses
import re

import pytest
from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, ParseError, StudyError
from include.models.figures import gain

RANKS = 4
NUMBER = re.compile(r"(?<![\w.])[0-9]+\.[0-9]+(?:e[-+]?[0-9]+)?")


@pytest.fixture(params=applications.available())
def application(request):
    return applications.load(request.param)


@pytest.fixture
def options(application):
    """Those of a study that shows the application; most need none."""
    return application.read_options(dict(application.example))


@pytest.fixture
def configured(application, options):
    """The application as the study makes it."""
    return application.configured(options)


@pytest.fixture
def ranks(application):
    """A number that the application runs with."""
    return application.exact_ranks or RANKS


@pytest.fixture
def output(configured, options, ranks):
    """What a right run would print; an application without such a model cannot be simulated."""
    try:
        lines = configured.synthetic_output(options, ranks=ranks, run_time_s=2.5)
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


def test_the_program_that_the_image_must_have_is_a_name_or_a_path(application, options):
    program = application.program(options)
    assert program
    assert " " not in program


def test_problem_names_what_makes_runs_comparable(application, options):
    assert application.problem(options)
    assert application.problem(options) == application.problem(options)


def test_one_figure_is_the_primary_one_and_has_a_direction(application, options):
    (primary,) = (each for each in application.configured(options).figures if each.primary)
    assert primary.better is not None


def test_an_expected_time_says_where_it_is_from(application, options):
    expected_s = application.expected_run_time_s(options, ranks=RANKS)
    assert (expected_s is None) or (expected_s > 0 and application.expectation)


def test_output_begins_and_ends_with_the_lines_that_bracket_it(configured, output):
    assert configured.first_line
    assert configured.last_line
    begins = [line.startswith(configured.first_line) for line in output]
    ends = [line.startswith(configured.last_line) for line in output]
    assert any(begins)
    assert any(ends)
    assert begins.index(True) <= len(ends) - 1 - ends[::-1].index(True)


def test_a_right_output_is_read_and_passes_the_check(configured, options, output, ranks):
    result = configured.parse(output)
    known = {figure.name: figure for figure in configured.figures}
    assert {*result.figures, *result.curves} <= known.keys()
    assert any(known[name].primary for name in result.figures)
    times_s = [value for name, value in result.figures.items() if known[name].is_run_time]
    assert times_s == [pytest.approx(2.5, rel=0.01)] * len(times_s)
    assert result.ranks in {ranks, None}
    configured.check(result, options=options, ranks=ranks)


def test_a_slower_run_has_a_worse_figure(configured, options, output, ranks):
    (primary,) = (figure for figure in configured.figures if figure.primary)
    slow = configured.synthetic_output(options, ranks=ranks, run_time_s=250.0)
    values = [
        configured.parse(lines).figures[primary.name]
        for lines in (output, [line.text for line in slow])
    ]
    assert gain(values[1] - values[0], primary.better) < 0


def test_an_output_that_is_cut_off_is_refused_or_has_all_its_figures(
    configured, options, output, ranks
):
    complete = configured.parse(output)
    for kept in range(len(output)):
        try:
            result = configured.parse(output[:kept])
            configured.check(result, options=options, ranks=ranks)
        except (ParseError, CheckFailed):
            continue
        assert (result.figures, result.curves) == (complete.figures, complete.curves)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: f"{line}\r",
        lambda line: f"\x1b[32m{line}\x1b[0m",
        lambda line: f"[1,0]<stdout>:{line}",
        lambda line: f"[1,0]<stdout>: {line}",
        lambda line: f"[0] {line}",
        lambda line: f"0: {line}",
    ],
    ids=["CRLF", "colours", "Open MPI", "Open MPI 5", "MPICH", "srun"],
)
def test_what_others_put_around_each_line_changes_no_figure(configured, output, change):
    complete, changed = configured.parse(output), configured.parse(list(map(change, output)))
    assert (changed.figures, changed.curves) == (complete.figures, complete.curves)


def test_figures_that_are_not_finite_or_of_another_locale_are_refused(configured, output):
    primary = next(figure.name for figure in configured.figures if figure.primary)
    value = configured.parse(output).figures[primary]
    for wrong in ("nan", "inf", "1,234.5", "1.234,5"):
        changed = [NUMBER.sub(wrong, line) for line in output]
        with pytest.raises((ParseError, CheckFailed)):
            assert configured.parse(changed).figures[primary] == value


def test_another_rank_count_fails_the_check(configured, options, output, ranks):
    result = configured.parse(output)
    for other in (1, ranks + 1):
        wrong = dataclasses.replace(result, ranks=other)
        with pytest.raises(CheckFailed):
            configured.check(wrong, options=options, ranks=ranks)


def test_a_log_that_tells_of_no_failure_has_no_complaint(configured, output):
    assert configured.complaint(output) is None
    assert configured.complaint([]) is None
