import dataclasses
import re
import tracemalloc
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import lammps_log
from include.parsers.lammps_thermo import KEPT_ROWS
from tests.parsers.synthetic_logs import EVENTS_AFTER, FLUX_LOG, LAMMPS_2021, LAMMPS_2025, MPI_LOG

COLUMNS = ("Step", "Temp", "PotEng", "Press", "E_vdwl", "E_coul", "Volume")
OLD = lammps_log.parse(LAMMPS_2021.splitlines())
EVENT = EVENTS_AFTER.splitlines()[0]


def parse(text: str) -> lammps_log.LammpsLog:
    return lammps_log.parse(text.splitlines())


def right_or_refused(text: str) -> None:
    """Every figure is the true one or absent, or the whole log is refused."""
    try:
        found = dataclasses.asdict(parse(text))
    except ParseError:
        return
    for name, value in dataclasses.asdict(OLD).items():
        assert found[name] in (value, None, ()), name


def test_log_of_2021_is_read_whole():
    assert OLD.version == "29 Sep 2021 - Update 2"
    assert (OLD.loop_time_s, OLD.total_wall_time_s) == (44.004, 45.0)
    assert (OLD.ranks, OLD.steps, OLD.atoms) == (4, 20, 2432)
    assert (OLD.timesteps_per_s, OLD.atom_steps_per_s) == (2.273, None)
    assert (OLD.cpu_use_percent, OLD.openmp_threads) == (99.6, 1)
    assert OLD.unit_style == "real"


def test_the_thermo_table_of_2021_is_read_whole():
    assert OLD.thermo.columns == COLUMNS
    assert (OLD.thermo.row_count, len(OLD.thermo.rows)) == (3, 3)
    assert OLD.thermo.first[1] == 300.0
    assert (OLD.final("Temp"), OLD.final("PotEng")) == (302.44845, -113.28532)


def test_log_of_2025_gives_atom_steps_and_wall_time_above_an_hour():
    found = parse(LAMMPS_2025)
    assert found.version == "22 Jul 2025 - Update 4"
    assert found.atom_steps_per_s == 11216.0
    assert found.total_wall_time_s == 3723.0
    assert found.openmp_threads == 0
    assert found.final("PotEng") == -113.30058


@pytest.mark.parametrize("text", [MPI_LOG, FLUX_LOG, LAMMPS_2021.replace("\n", "\r\n")])
def test_surroundings_and_line_ends_change_nothing(text):
    assert lammps_log.parse(text.splitlines(keepends=True)) == OLD


def test_coloured_event_inside_the_thermo_table_is_passed_over():
    coloured = f"\x1b[1;34m{EVENT[:8]}\x1b[0m{EVENT[8:]}\n"
    text = LAMMPS_2021.replace("      20    302", coloured + "      20    302")
    assert parse(text) == OLD


def test_million_atom_steps_are_scaled():
    found = parse(LAMMPS_2025.replace("11.216 katom-step/s", "1.5 Matom-step/s"))
    assert found.atom_steps_per_s == 1.5e6


def test_absent_performance_line_gives_none():
    found = parse(re.sub(r"Performance:.*\n", "", LAMMPS_2021))
    assert (found.timesteps_per_s, found.atom_steps_per_s) == (None, None)


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("Loop time", "Loop time of"),
        ("Total wall", "Total wall time"),
        ("      20    302", "step 20"),
        ("Step Temp", "figures without their line"),
        ("LAMMPS (", "LAMMPS did not start"),
        ("Histogram: 1 0 1", "no histogram after Nlocal"),
    ],
)
def test_missing_line_is_named(gone, named):
    kept = [line for line in LAMMPS_2021.splitlines() if not line.startswith(gone)]
    with pytest.raises(ParseError, match=re.escape(named)):
        lammps_log.parse(kept)


@pytest.mark.parametrize(
    ("whole", "wrong", "named"),
    [
        ("Loop time of 44.004", "Loop time of nan", "Loop time of nan"),
        ("Loop time of 44.004", "Loop time of 1e999", "too large"),
        ("2.273 timesteps/s", "inf timesteps/s", "'inf'"),
        ("302.44845", "-nan", "-nan"),
        ("22.501  ", "nan     ", "Pair"),
        ("| 22.501     |", "|            |", "a value is missing"),
        ("Neigh   |", "Pair    |", "second row 'Pair'"),
        ("Neigh   |", "gh      |", "not a whole row"),
        ("Section |  min time", "Section |  mean", "header"),
        ("0.020 ns/day", "0.020 furlongs/day", "furlongs"),
        (", 2.273 timesteps/s", "", "no timesteps/s"),
        ("Performance: 0", "  Performance: 0", "not whole"),
        ("4 MPI tasks", "3 MPI tasks", "CPU use line comes to 3 ranks"),
        ("4 by 1 by 1", "3 by 1 by 1", "processor grid comes to 3 ranks"),
        ("Histogram: 1 0 1", "Histogram: 7 0 1", "histogram of Nlocal"),
        ("Histogram: 1 0 1", "Histogram: 1 x 1", "Histogram"),
        ("3236 min\n", "3236 min\nHistogram: 1 0 1 0 1 0 0 0 0 1\n", "histogram of nothing"),
        ("3420 max", "max", "ave max min"),
        ("Unit style    : real", "Unit style    : rea", "unit style"),
        ("Total wall time: 0:00:45", "Total wall time: 0:00:4", "h:mm:ss"),
        ("Total wall time: 0:00:45", "Total wall time: ", "not whole"),
        ("MPI task timing breakdown:", "x MPI task timing breakdown:", "breakdown"),
        ("      10 ", "       0 ", "do not rise"),
        ("      10 ", "Step Temp\n      10 ", "second thermo table"),
        ("(29 Sep 2021 - Update 2)", "(29 Sep", "version line"),
        ("Ave neighs", "Neighbor list builds = 5\nAve neighs", "comes twice"),
        ("Ave neighs", "12\nAve neighs", "figures without their line"),
        ("302.44845", f"302.4{EVENT}", "mixed"),
    ],
)
def test_wrong_line_is_refused_and_named(whole, wrong, named):
    assert whole in LAMMPS_2021
    with pytest.raises(ParseError, match=re.escape(named)):
        parse(LAMMPS_2021.replace(whole, wrong, 1))


def test_two_runs_in_one_log_are_refused():
    with pytest.raises(ParseError, match="two LAMMPS runs"):
        parse(LAMMPS_2021 + LAMMPS_2021)


def test_thermo_header_without_rows_is_refused():
    text = re.sub(r"\n {6,}[0-9]+ .*", "", LAMMPS_2021)
    with pytest.raises(ParseError, match="no row in the thermo table"):
        parse(text)


def test_what_lammps_says_of_its_failure_is_passed_on():
    head = LAMMPS_2021[: LAMMPS_2021.index("Loop time")]
    with pytest.raises(ParseError, match=r"Loop time of.*ERROR on proc 0: Lost atoms"):
        parse(head + "ERROR on proc 0: Lost atoms (src/thermo.cpp:480)\n")


def test_a_complaint_is_lammps_last_word_on_its_failure():
    assert lammps_log.complaint(LAMMPS_2021.splitlines()) is None
    lines = ["ERROR: the first", "a line", "ERROR on proc 1: the last (src/thermo.cpp:480)", "end"]
    assert lammps_log.complaint(lines) == "'ERROR on proc 1: the last (src/thermo.cpp:480)'"


def test_unknown_column_names_the_ones_there_are():
    with pytest.raises(ParseError, match="'Pxx'; there are Step, Temp"):
        OLD.final("Pxx")


def test_first_row_counts_when_the_current_step_is_not_printed():
    assert parse(LAMMPS_2021.replace("  Current step  : 0\n", "")) == OLD


def test_long_thermo_table_keeps_the_last_rows_only():
    start = LAMMPS_2021.index("       0          300")
    end = LAMMPS_2021.index("Loop time")
    rows = (f"{step} 300 -113 1 2 3 4" for step in range(2 * KEPT_ROWS + 1))
    loop = LAMMPS_2021[end:].replace("for 20 steps", f"for {2 * KEPT_ROWS} steps")
    found = lammps_log.parse([*LAMMPS_2021[:start].splitlines(), *rows, *loop.splitlines()])
    assert (len(found.thermo.rows), found.thermo.row_count) == (KEPT_ROWS, 2 * KEPT_ROWS + 1)
    assert found.thermo.first[0] == 0


@given(st.integers(0, len(LAMMPS_2021) - 2))
def test_log_cut_at_its_end_is_refused(end):
    with pytest.raises(ParseError):
        parse(LAMMPS_2021[:end])


@given(st.integers(1, len(LAMMPS_2021)))
def test_log_without_its_beginning_is_refused(start):
    with pytest.raises(ParseError, match="LAMMPS did not start"):
        parse(LAMMPS_2021[start:])


@given(st.integers(0, len(LAMMPS_2021)), st.sampled_from(["", "\n"]), st.sampled_from(["", "\n"]))
def test_event_at_any_place_is_right_or_refused(place, before, after):
    right_or_refused(LAMMPS_2021[:place] + before + EVENT + after + LAMMPS_2021[place:])


def test_event_at_every_place_is_right_or_refused():
    for place in range(len(LAMMPS_2021) + 1):
        for put in (f"\n{EVENT}\n", f"{EVENT}\n", f"\n{EVENT}", EVENT):
            right_or_refused(LAMMPS_2021[:place] + put + LAMMPS_2021[place:])


@given(st.lists(st.text()))
def test_any_text_is_refused(lines):
    with pytest.raises(ParseError):
        lammps_log.parse(lines)


@given(st.lists(st.sampled_from(LAMMPS_2021.splitlines())))
def test_any_order_of_lines_is_a_log_or_refused(lines):
    try:
        found = lammps_log.parse(lines)
    except ParseError:
        return
    assert found.loop_time_s == OLD.loop_time_s


def test_log_without_a_thermo_table_is_refused():
    start, end = LAMMPS_2021.index("Step Temp"), LAMMPS_2021.index("Loop time")
    with pytest.raises(ParseError, match="no thermo table"):
        parse(LAMMPS_2021[:start] + LAMMPS_2021[end:])


def test_refused_row_does_not_hide_behind_a_missing_total():
    with pytest.raises(ParseError, match="a value is missing"):
        parse(LAMMPS_2021.replace("|  47.9 |  5.97", "|  47.9 |", 1))


def test_rates_of_other_unit_styles_are_passed_over():
    found = parse(LAMMPS_2021.replace("0.020 ns/day, 1222.334 hours/ns", "432.5 tau/day"))
    assert found.timesteps_per_s == 2.273


def test_long_log_is_read_in_bounded_memory():
    end = LAMMPS_2021.index("Loop time")
    start = LAMMPS_2021.index("       0          300")
    steps = 20_000
    rows = (f"{step} 300 -113 1 2 3 {'4' * 100}\n" for step in range(steps + 1))
    tail = LAMMPS_2021[end:].replace("for 20 steps", f"for {steps} steps")
    log = chain(LAMMPS_2021[:start].splitlines(), rows, tail.splitlines())
    tracemalloc.start()
    found = lammps_log.parse(log)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.thermo.row_count == steps + 1
    assert peak_bytes < 1_000_000  # of some 2.6 MB
