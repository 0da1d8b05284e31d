from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, ParseError, StudyError
from tests.kube.scripted_jobs import SYNTHETIC_LOG
from tests.parsers.synthetic_logs import LAMMPS_2021

LAMMPS = applications.load("lammps")
OPTIONS = LAMMPS.read_options({})


@pytest.fixture
def result():
    text = SYNTHETIC_LOG.format(ranks=2, energy="-113.30058", pressure="837.38493")
    return LAMMPS.parse(text.splitlines())


def test_command_is_that_of_run_6_with_the_studys_replicas():
    options = LAMMPS.read_options({"x": 64, "y": 16, "z": 16})
    command = " ".join(LAMMPS.command(options))
    assert command == "lmp -v x 64 -v y 16 -v z 16 -in in.reaxc.hns -nocite"
    assert LAMMPS.problem(options) == {"atoms": 4_980_736, "steps": 100}


def test_result_has_the_figure_of_merit_and_the_energy(result):
    assert result.figures.get("loop_time_s") == 2.15473
    assert result.figures.get("app_wall_time_s") == 2
    assert result.figures.get("pot_eng") == -113.30058
    assert result.figures.get("atom_steps_per_s") == pytest.approx(14109)
    LAMMPS.check(result, options=OPTIONS, ranks=2)


@pytest.mark.parametrize(
    ("old", "new", "figure", "note"),
    [
        ("46.410 timesteps/s", "4.641 timesteps/s", "timesteps_per_s", "comes to 10.0001 steps"),
        ("14.109 katom-step/s", "14.109 Matom-step/s", "atom_steps_per_s", "the log says 30400"),
        ("Loop time of 2.15473", "Loop time of 21.5473", "app_wall_time_s", "longer than LAMMPS'"),
    ],
)
def test_figures_that_contradict_the_loop_time_are_left_out_with_a_note(old, new, figure, note):
    text = SYNTHETIC_LOG.format(ranks=2, energy="-113.30058", pressure="837.38493")
    assert old in text
    result = LAMMPS.parse(text.replace(old, new).splitlines())
    assert figure not in result.figures
    assert result.figures["loop_time_s"] in {2.15473, 21.5473}
    assert note in "; ".join(result.notes)


def test_a_rate_that_is_printed_coarsely_contradicts_nothing():
    text = SYNTHETIC_LOG.format(ranks=2, energy="-113.30058", pressure="837.38493")
    slow = text.replace("Loop time of 2.15473", "Loop time of 40123").replace("46.410", "0.002")
    slow = slow.replace(", 14.109 katom-step/s", "").replace("0:00:02", "11:08:50")
    assert LAMMPS.parse(slow.splitlines()).notes == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ranks": 1}, "instead of"),
        ({"problem": {"atoms": 304, "steps": 99}}, "instead of"),
        ({"problem": {"atoms": 608, "steps": 100}}, "instead of"),
        ({"figures": {"pot_eng": -113.2}}, "the reference of this problem is -113.30058"),
        ({"figures": {}}, "PotEng None"),
    ],
)
def test_wrong_result_fails_the_check(result, change, said):
    with pytest.raises(CheckFailed, match=said):
        LAMMPS.check(dataclasses.replace(result, **change), options=OPTIONS, ranks=2)


def test_energy_may_differ_in_the_sixth_digit(result):
    near = dataclasses.replace(result, figures={"pot_eng": -113.30100})
    LAMMPS.check(near, options=OPTIONS, ranks=2)


def test_size_without_reference_is_refused_unless_one_is_given():
    with pytest.raises(StudyError, match="reference_pot_eng"):
        LAMMPS.read_options({"x": 5})
    assert LAMMPS.read_options({"x": 5, "reference_pot_eng": -113.3})


def test_given_reference_is_what_the_check_uses(result):
    options = LAMMPS.read_options({"x": 5, "reference_pot_eng": -100.0})
    larger = dataclasses.replace(result, problem={"atoms": 5 * 304, "steps": 100})
    with pytest.raises(CheckFailed, match="-100.0"):
        LAMMPS.check(larger, options=options, ranks=2)


def test_more_threads_are_another_problem(result):
    text = LAMMPS_2021.replace("on 4 procs", "on 8 procs").replace("tasks x 1", "tasks x 2")
    threaded = LAMMPS.parse(text.splitlines())
    assert threaded.ranks == 4
    assert threaded.problem == {"atoms": 2432, "steps": 20, "threads": 2}
    assert "threads" not in result.problem


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("PotEng", "TotEng", "no thermo column 'PotEng', so no final energy; there are Step, Temp"),
        ("Unit style    : real", "Unit style    : metal", "in units of the style metal"),
    ],
)
def test_another_input_s_energy_is_left_out_with_a_note(old, new, note):
    result = LAMMPS.parse(LAMMPS_2021.replace(old, new).splitlines())
    assert result.figures["loop_time_s"] == 44.004
    assert "pot_eng" not in result.figures
    assert any(note in each for each in result.notes)
    with pytest.raises(CheckFailed):
        LAMMPS.check(result, options=LAMMPS.read_options({}), ranks=4)


def test_unknown_option_is_refused():
    with pytest.raises(ValidationError):
        LAMMPS.read_options({"steps": 10})


@pytest.mark.parametrize("cut", range(0, 700, 50))
def test_cut_log_is_a_parse_error(cut):
    text = SYNTHETIC_LOG.format(ranks=2, energy="-113.30058", pressure="837.38493")[:cut]
    with pytest.raises(ParseError):
        LAMMPS.parse(text.splitlines())


def test_the_energy_of_arm_is_right_on_arm_and_wrong_where_amd64_is_named(result):
    arm = dataclasses.replace(result, figures={**result.figures, "pot_eng": -113.25816})
    LAMMPS.check(arm, options=OPTIONS, ranks=2)
    LAMMPS.check(arm, options=LAMMPS.read_options({"architecture": "arm64"}), ranks=2)
    with pytest.raises(CheckFailed, match="-113.30058"):
        LAMMPS.check(arm, options=LAMMPS.read_options({"architecture": "amd64"}), ranks=2)


def test_a_size_without_a_reference_on_an_architecture_is_refused():
    with pytest.raises(StudyError, match="x 2 y 2 z 2 on arm64"):
        LAMMPS.read_options({"x": 2, "y": 2, "z": 2, "architecture": "arm64"})


def test_sizes_of_the_public_studies_have_their_energies():
    for x, y, z in ((16, 16, 8), (32, 16, 16), (64, 64, 32)):
        assert LAMMPS.read_options({"x": x, "y": y, "z": z})
