"""The parsers against the public raw logs of run 6; ground truth from its published analysis."""

from collections import defaultdict
from statistics import median

import pytest

from include.parsers import flux_events, gnu_time, lammps_log, mpi_runner_footer, posix_time
from include.parsers.lines import lines_of
from tests.parsers.synthetic_logs import NO_RUN6, RUN6

MPI_LOGS = sorted((RUN6 / "mpi_operator" / "logs").glob("*.out"))
FLUX_LOGS = sorted((RUN6 / "flux_operator").glob("*/*/log.out"))
RANKS = (752, 1504, 3008, 6016)

pytestmark = pytest.mark.skipif(not RUN6.is_dir(), reason=NO_RUN6)


def read(path):
    return lines_of(path.read_bytes())


def medians(values_by_ranks):
    return [
        [round(median(column), 2) for column in zip(*values_by_ranks[ranks], strict=True)]
        for ranks in RANKS
    ]


def test_all_80_launcher_logs_give_the_published_medians():
    found = defaultdict(list)
    incomplete = 0
    for path in MPI_LOGS:
        log = read(path)
        app, footer = lammps_log.parse(log), mpi_runner_footer.parse(log)
        incomplete += not footer.is_mapping_complete
        assert footer.ranks == app.ranks
        assert app.final("PotEng") == pytest.approx(-113.28532, rel=1e-7)
        times = (app.loop_time_s, app.total_wall_time_s, posix_time.parse(log).real_s)
        found[app.ranks].append((*times, footer.end_to_end_time_s))
    assert [len(found[ranks]) for ranks in RANKS] == [20] * 4
    expected = [
        [74.62, 76, 84.10, 90.94],
        [43.54, 45, 52.81, 60.75],
        [27.01, 28, 36.54, 47.52],
        [18.97, 20, 30.24, 49.15],
    ]
    for row, right in zip(medians(found), expected, strict=True):
        assert row == pytest.approx(right, abs=0.011)
    assert incomplete == 11


def test_all_81_flux_logs_give_the_published_medians():
    found = defaultdict(list)
    for path in FLUX_LOGS:
        log = read(path)
        app, times = lammps_log.parse(log), gnu_time.parse(log)
        events = flux_events.parse(log)
        assert events.status == 0
        assert events.run_time_s == pytest.approx(times["fluxsubmit"], abs=5.0)
        row = (app.loop_time_s, app.total_wall_time_s, times["fluxsubmit"], times["fluxstart"])
        found[app.ranks].append(row)
    assert [len(found[ranks]) for ranks in RANKS] == [20, 20, 20, 21]
    expected = [
        [71.45, 73, 79.62, 81.04],
        [41.73, 43, 49.44, 51.24],
        [26.03, 27, 33.96, 36.06],
        [18.01, 19, 26.59, 28.52],
    ]
    for row, right in zip(medians(found), expected, strict=True):
        assert row == pytest.approx(right, abs=0.011)


def test_every_listed_figure_is_in_each_of_the_161_logs():
    for path in (*MPI_LOGS, *FLUX_LOGS):
        figures = vars(lammps_log.parse(read(path)))
        missing = [name for name, value in figures.items() if value is None]
        assert missing == ["atom_steps_per_s"], path.name  # not printed by LAMMPS of 2021


def test_events_inside_the_thermo_table_do_not_harm():
    (path,) = (path for path in FLUX_LOGS if path.parent.name.startswith("lmp-8-15-"))
    found = lammps_log.parse(read(path))
    assert (found.thermo.row_count, found.final("Temp")) == (11, 302.58672)
