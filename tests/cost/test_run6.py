"""The ledger on the raw data of run 6, against what its published logs were found to have cost."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from include.cost.ledger import Paid, Stretch, Use, spend
from include.parsers import gnu_time, lammps_log, mpi_runner_footer, posix_time
from include.parsers.lines import lines_of
from tests.parsers.synthetic_logs import NO_RUN6, RUN6

pytestmark = pytest.mark.skipif(not RUN6.is_dir(), reason=NO_RUN6)

REGISTERED = re.compile(r"'creation_timestamp': datetime\.datetime\(([\d, ]+), tzinfo")
MPI_END = re.compile(r"_(\d{4}-\d\d-\d\d_T\d{4}_\d\d)\.out$")
FLUX_START = re.compile(r'time = "(2023-[^"]+)"')
WARM_UP = "lmp-64-1-"
RANKS_PER_NODE = 94


def read(path):
    return lines_of(path.read_bytes())


def nodes_registered():
    text = (RUN6 / "mpi_operator" / "cluster.log").read_text()
    stamps = [tuple(map(int, found.split(", "))) for found in REGISTERED.findall(text)]
    return [datetime(*stamp, tzinfo=UTC) for stamp in stamps]


def job(*, start, end, log, launcher_time_s, is_useful=True):
    """The job's launcher time as solving, as the published share was counted, and the rest."""
    nodes = lammps_log.parse(log).ranks // RANKS_PER_NODE
    launched = end - timedelta(seconds=launcher_time_s)
    yield Stretch(use=Use.STARTING, start=start, end=launched, nodes=nodes)
    yield Stretch(use=Use.SOLVING, start=launched, end=end, nodes=nodes, is_useful=is_useful)


def mpi_jobs():
    """The log's name says when it was saved, which was when the job had ended."""
    for path in sorted((RUN6 / "mpi_operator" / "logs").glob("*.out")):
        log = read(path)
        stamp = f"{MPI_END.search(path.name)[1]}+0000"
        end = datetime.strptime(stamp, "%Y-%m-%d_T%H%M_%S%z")
        start = end - timedelta(seconds=mpi_runner_footer.parse(log).end_to_end_time_s)
        yield from job(start=start, end=end, log=log, launcher_time_s=posix_time.parse(log).real_s)


def flux_jobs():
    """The certificate in the log was made when the job began; the warm-up is no counted run."""
    for path in sorted((RUN6 / "flux_operator").glob("*/lmp-*/log.out")):
        log = read(path)
        began = FLUX_START.search("\n".join(log))[1]
        start = datetime.fromisoformat(f"{began}+00:00")
        took = gnu_time.parse(log, required=("fluxstart", "fluxsubmit"))
        yield from job(
            start=start,
            end=start + timedelta(seconds=took["fluxstart"]),
            log=log,
            launcher_time_s=took["fluxsubmit"],
            is_useful=not path.parent.name.startswith(WARM_UP),
        )


def test_13_percent_of_the_node_hours_of_run_6_were_useful():
    """As published: only launcher time is a job's, and the warm-up is among the jobs."""
    jobs = [each for each in (*mpi_jobs(), *flux_jobs()) if each.use is Use.SOLVING]
    last = max(stretch.end for stretch in jobs)
    nodes = [Paid(since=since, until=last) for since in nodes_registered()]
    spent, useful = spend(nodes, jobs)
    total = sum(spent.values())
    assert len(nodes) == 65
    assert total / 3600 == pytest.approx(375.6, rel=0.001)
    assert 2.88 * total / 3600 == pytest.approx(1082, rel=0.001)
    assert spent[Use.SOLVING] / 3600 == pytest.approx(50.0, rel=0.001)
    assert spent[Use.SOLVING] / total == pytest.approx(0.133, abs=0.0005)
    assert spent[Use.BESIDE] / total == pytest.approx(0.25, abs=0.005)
    assert spent[Use.IDLE] / total == pytest.approx(0.616, abs=0.005)
    assert useful / total == pytest.approx(0.132, abs=0.0005)  # without the warm-up
