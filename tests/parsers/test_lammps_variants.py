"""LAMMPS logs as other versions, other options and other launchers print them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import lammps_log
from tests.parsers.synthetic_logs import LAMMPS_2021, LAMMPS_2025, lines

parse = lammps_log.parse
OLD = parse(lines(LAMMPS_2021))


RANK_TAGS = {
    "mpich": "[0] ",
    "srun -l": " 0: ",
    "flux run -l": "0: ",
    "open mpi 4": "[1,0]<stdout>:",
    "open mpi 5": "[prterun-node-1-23@1,0]<stdout>: ",
    "open mpi 5, detailed": "[prterun-node-1-23@1,0][node-1:77]<stdout>: ",
    "open mpi 5, by rank": "[0]<stdout>: ",
    "open mpi of a training job": "[1,mpirank:0,algo-1]<stdout>:",
    "open mpi 4, stamped": "Sat Nov 28 20:01:04 2026<stdout>:",
    "kubectl --timestamps": "2026-11-28T20:01:04.123456789Z ",
    "kubectl --prefix": "[pod/lammps-launcher-x7k2p/lammps] ",
    "kubectl, both, of a tagged run": "[pod/l-0/l] 2026-11-28T20:01:04.123456789Z [1,0]<stdout>:",
    "file of the kubelet": "2026-11-28T20:01:04.123456789Z stdout F ",
    "ts": "Nov 28 20:01:04 ",
    "clock": "[20:01:04.123] ",
}


def tagged(text, tag):
    return [f"{tag}{line}" for line in text.splitlines()]


@pytest.mark.parametrize("tag", RANK_TAGS.values(), ids=list(RANK_TAGS))
@pytest.mark.parametrize("text", [LAMMPS_2021, LAMMPS_2025], ids=["2021", "2025"])
def test_prefix_of_each_line_is_taken_off(text, tag):
    assert parse(tagged(text, tag)) == parse(lines(text))


def test_prefix_may_lack_on_lines_of_the_launcher():
    before, after = ["+ mpirun -np 4 lmp\n"], ["real 53.04\n", "0: an end\n"]
    assert parse([*before, *tagged(LAMMPS_2021, "[0] "), *after]) == OLD


def test_tagged_log_that_was_cut_is_refused():
    cut = tagged(LAMMPS_2021, "[0] ")
    with pytest.raises(ParseError, match="Total wall time"):
        parse(cut[:-1])


def test_unknown_prefix_is_named():
    with pytest.raises(ParseError, match=r"prefix of no known kind, as in 'me> LAMMPS \(29 Sep"):
        parse(tagged(LAMMPS_2021, "me> "))


def test_log_without_lammps_quotes_its_last_line():
    with pytest.raises(ParseError, match="did not start; the last line is 'Error from server'"):
        parse(["Error from server\n", "\n"])


def test_seconds_are_secs_before_autumn_2020():
    old = LAMMPS_2021.replace("CPU = 0.067 seconds", "CPU = 0.067 secs")
    assert parse(lines(old)) == OLD


def test_loop_time_line_of_2014_names_ranks_and_threads():
    old = LAMMPS_2021.replace("on 4 procs for", "on 4 procs (4 MPI x 1 OpenMP) for")
    assert parse(lines(old)) == OLD


def test_full_neighbour_list_has_a_histogram_more():
    full = "FullNghs:  1.5e+08 ave 1.6e+08 max 1.4e+08 min\nHistogram: 2 0 0 0 0 0 0 0 0 {}\n"
    place = LAMMPS_2021.index("\nTotal # of")
    text = LAMMPS_2021[:place] + full + LAMMPS_2021[place:]
    assert parse(lines(text.format(2))) == OLD
    with pytest.raises(ParseError, match="histogram of FullNghs comes to 3 ranks"):
        parse(lines(text.format(1)))


def test_threads_are_no_ranks():
    two = LAMMPS_2021.replace("on 4 procs", "on 8 procs")
    two = two.replace("4 MPI tasks x 1 OpenMP", "4 MPI tasks x 2 OpenMP")
    found = parse(lines(two))
    assert (found.ranks, found.openmp_threads) == (4, 2)


def test_ranks_times_threads_are_what_the_loop_time_counts():
    wrong = LAMMPS_2021.replace("4 MPI tasks x 1 OpenMP", "4 MPI tasks x 2 OpenMP")
    with pytest.raises(ParseError, match="4 ranks with 2 threads, but the loop time line says 4"):
        parse(lines(wrong))


def test_breakdown_of_threads_is_passed_over():
    threads = (
        "Thread timings breakdown (MPI rank 0):\nTotal threaded time 14.1 / 89.2%\n"
        "Section |  min time  |  avg time  |  max time  |%varavg| %total\n-----------\n"
        "Pair    | 1.1        | 1.2        | 1.3        |   0.1 | 50.00\n"
    )
    place = LAMMPS_2021.index("\nNlocal")
    assert parse(lines(LAMMPS_2021[:place] + threads + LAMMPS_2021[place:])) == OLD


def stanza(step, values):
    pairs = [f"{name:<8} = {value:>14} " for name, value in values.items()]
    return f"------------ Step {step:>14} ----- CPU = {1:>12} (sec) -------------\n" + "".join(
        "".join(pairs[place : place + 3]).rstrip() + "\n" for place in range(0, len(pairs), 3)
    )


COLUMNS = ("Temp", "PotEng", "Press", "E_vdwl", "E_coul", "Volume")


def in_style(make):
    begin, end = LAMMPS_2021.index("Step Temp"), LAMMPS_2021.index("Loop time")
    rows = [row.split() for row in LAMMPS_2021[begin:end].splitlines()[1:]]
    return LAMMPS_2021[:begin] + make(rows) + LAMMPS_2021[end:]


MULTI = in_style(
    lambda rows: "".join(stanza(r[0], dict(zip(COLUMNS, r[1:], strict=True))) for r in rows)
)
YAML = in_style(
    lambda rows: (
        "---\nkeywords: ['Step', 'Temp', 'PotEng', 'Press', 'E_vdwl', 'E_coul', 'Volume', ]\n"
        "data:\n" + "".join(f"  - [{', '.join(row)}, ]\n" for row in rows) + "...\n"
    )
)


@pytest.mark.parametrize("text", [MULTI, YAML], ids=["multi", "yaml"])
def test_other_thermo_styles_are_read(text):
    assert parse(lines(text)) == OLD


@pytest.mark.parametrize(
    ("text", "whole", "wrong"),
    [
        (MULTI, "PotEng   =     -113.28532", "PotEng   ="),
        (MULTI, "PotEng   =     -113.28532", ""),
        (MULTI, "E_vdwl   =     -111.58399", "E_vdwl   = -111.5\n8399"),
        (MULTI, "(sec) ---", "(se"),
        (MULTI, "Step             20", "Step             10"),
        (YAML, "-113.28532", "-113.2\n8532"),
        (YAML, "-1.7013238, 56153840, ]", "-1.7013238, 561"),
        (YAML, "-1.7013238, 56153840, ]", "-1.7013238, ]"),
    ],
)
def test_other_thermo_styles_are_as_strict(text, whole, wrong):
    assert whole in text
    with pytest.raises(ParseError):
        parse(lines(text.replace(whole, wrong)))


@settings(deadline=None)
@given(end=st.integers(0, len(MULTI) - 2))
def test_log_of_another_thermo_style_cut_at_its_end_is_refused(end):
    with pytest.raises(ParseError):
        parse(lines(MULTI[:end]))


def test_another_run_is_told_by_whatever_lammps_prints_before_it():
    end = LAMMPS_2021.index("Performance")
    for begins in ("Setting up Verlet", "  Unit style", "  4 by 1 by 1", "  read_data CPU"):
        run = LAMMPS_2021[LAMMPS_2021.index(begins) : end].replace("for 20 steps", "for 5 steps")
        with pytest.raises(ParseError, match="2 runs of one LAMMPS, of 20 and 5 steps"):
            parse(lines(LAMMPS_2021[:end] + run))


def warmed_up(*steps):
    begin, end = LAMMPS_2021.index("Per MPI rank"), LAMMPS_2021.index("Performance")
    runs = "".join(LAMMPS_2021[begin:end].replace("for 20 steps", f"for {n} steps") for n in steps)
    return LAMMPS_2021[:begin] + runs + LAMMPS_2021[begin:]


@pytest.mark.parametrize(
    ("steps", "said"),
    [((10,), "2 runs of one LAMMPS, of 10 and 20 steps"), ((5, 10), "3 runs .* 5, 10 and 20")],
)
def test_several_runs_of_one_lammps_are_refused_with_their_steps(steps, said):
    with pytest.raises(ParseError, match=said):
        parse(lines(warmed_up(*steps)))


def test_second_run_that_does_not_end_is_refused():
    text = warmed_up(10)
    with pytest.raises(ParseError, match="after the run of 10 steps a second one begins"):
        parse(lines(text[: text.rindex("Loop time")]))


def test_byte_order_mark_before_the_banner_is_taken_off():
    assert parse(["\ufeff" + lines(LAMMPS_2021)[0], *lines(LAMMPS_2021)[1:]]) == OLD


def test_run_that_was_split_into_partitions_says_where_their_logs_are():
    screen = ["LAMMPS (29 Sep 2021)", "Running on 2 partitions of processors"]
    with pytest.raises(ParseError, match=r"log of its own, log\.lammps\.0 and so on"):
        parse([*screen, "Total wall time: 0:00:10"])


def test_log_of_one_partition_is_read():
    banner, *rest = lines(LAMMPS_2021)
    assert parse([banner, "Processor partition = 0", *rest]) == OLD
