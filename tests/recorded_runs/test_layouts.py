"""SYNTHETIC folders in the layouts of published studies; nothing in them was measured."""

import json

import pytest

from include.errors import StudyError
from include.recorded_runs._path_pattern import PathPattern
from tests.recorded_runs.folders import lammps, loop_of, mpi_log, write

COMMAND = ["/usr/bin/lmp", "-v", "x", "2", "-in", "in.some"]


def jobspec(command=COMMAND):
    options = {"cpu-affinity": "per-task"}
    return json.dumps(
        {
            "tasks": [{"command": command}],
            "attributes": {"system": {"shell": {"options": options}}},
        }
    )


def events(*, begin=1724571048.0, seconds=56.25, status=0, nodes=2, per_node=2):
    listed = [
        {"timestamp": begin - 1, "name": "shell.init", "context": {"size": nodes}},
        {
            "timestamp": begin,
            "name": "shell.start",
            "context": {"taskmap": {"version": 1, "map": [[0, nodes, per_node, 1]]}},
        },
        {"timestamp": begin + seconds, "name": "complete", "context": {"status": status}},
    ]
    return "".join(json.dumps(event) + "\n" for event in listed)


def study_log(loop_s, **changes):
    return (
        f"{lammps(loop_s)}START OF JOBSPEC\n{jobspec()}\nSTART OF EVENTLOG\n{events(**changes)}\n"
    )


def test_performance_study_is_read_with_its_event_logs(read, tmp_path, capsys):
    root = tmp_path / "aws" / "eks" / "cpu"
    for size, loop_s in ((32, 44.0), (64, 30.0)):
        folder = root / f"size{size}" / "results" / "lammps-reax"
        write(folder / "lammps-1.out", study_log(loop_s, begin=1e9 + size))
    other = study_log(1).replace("/usr/bin/lmp", "/opt/bin/kripke").replace(lammps(1), "hello\n")
    write(root / "size32" / "results" / "kripke" / "kripke-1.out", other)
    code, records = read(tmp_path / "aws")
    assert (code, [r.study_id for r in records]) == (0, ["aws/eks/cpu"] * 2)
    first = records[0]
    assert (first.k8s_operator, first.nodes, first.ranks, first.binding) == (
        *("flux_operator", 2, 4, "core"),
    )
    assert (loop_of(first), first.launcher_time_s) == (44.0, 56.25)
    assert "1 of kripke" in capsys.readouterr().out


def test_job_that_flux_saw_fail_is_failed(read, tmp_path):
    write(tmp_path / "run" / "size2" / "a.out", study_log(44.0, status=256))
    write(tmp_path / "run" / "size2" / "b.out", study_log(44.5))
    code, records = read(tmp_path / "run")
    assert (code, sorted(r.status for r in records)) == (1, ["failed", "valid"])


def test_cut_event_log_is_invalid(read, tmp_path):
    write(tmp_path / "run" / "size2" / "a.out", study_log(44.0)[:-8])
    code, (record,) = read(tmp_path / "run")
    assert (code, record.status, loop_of(record)) == (1, "invalid", None)


def test_slurm_jobs_are_read_from_their_two_files(read, tmp_path):
    root = tmp_path / "run" / "size2" / "results"
    for number, begin in ((2, 1725065000), (1, 1725069000)):
        text = f"Start time: {begin}\n{lammps(40 + number)}End time: {begin + 60}\n"
        write(root / f"lammps-2n-{number}-iter-{number}.out", text)
        write(root / f"lammps-2n-{number}-iter-{number}.err", "real 53.25\nuser 1.00\nsys 2.00\n")
    code, records = read(tmp_path / "run")
    assert code == 0
    told = [(r.k8s_operator, r.nodes, r.ranks, loop_of(r), r.launcher_time_s) for r in records]
    assert told == [("slurm", 2, 4, 42.0, 53.25), ("slurm", 2, 4, 41.0, 53.25)]


def test_slurm_job_that_failed_says_why(read, tmp_path):
    write(tmp_path / "run" / "lammps-2n-1.out", "Start time: 1725065000\nEnd time: 1725065001\n")
    write(tmp_path / "run" / "lammps-2n-1.err", "FATAL:   no image\nreal 0.01\nuser 0\nsys 0\n")
    code, (record,) = read(tmp_path / "run")
    assert (code, record.status) == (1, "failed")
    assert "lammps-2n-1.err says 'FATAL:   no image'" in record.error


def test_launcher_time_that_was_measured_twice_is_unknown(read, tmp_path):
    write(tmp_path / "run" / "lammps-2n-1.out", f"Start time: 1725065000\n{lammps()}")
    times = "real 53.25\nuser 1.00\nsys 2.00\n"
    write(tmp_path / "run" / "lammps-2n-1.err", times * 2)
    code, (record,) = read(tmp_path / "run")
    assert (code, loop_of(record), record.launcher_time_s) == (0, 44.004, None)


def google_log(*loops, script=True):
    command = "flux run --setattr=x -N2 -n 4 /usr/bin/lmp -v x 2 -in in.some |& tee out\n"
    text = f'  echo "FLUX-RUN START lammps-iter-$i"\n  {command}' if script else ""
    for number, loop_s in enumerate(loops, start=1):
        body = lammps(loop_s) if loop_s else "job.exception type=exec severity=0 PMI_Abort\n"
        text += f"FLUX-RUN START lammps-iter-{number}\n{body}FLUX-RUN END lammps-iter-{number}\n"
    for number in range(len(loops), 0, -1):
        text += (
            f"FLUX-JOB START 123 lammps-iter-{number}\nFLUX-JOB-JOBSPEC START\n{jobspec()}\n"
            f"FLUX-JOB-JOBSPEC END\nFLUX-JOB-EVENTLOG START\n{events(begin=1e9 + number)}\n"
            f"FLUX-JOB-EVENTLOG END\nFLUX-JOB END 123 lammps-iter-{number}\n"
        )
    return text


def test_many_runs_in_one_log_are_read_apart(read, tmp_path):
    folder = tmp_path / "gke" / "cpu" / "size-2" / "logs"
    write(folder / "lammps.out", google_log(41.0, 42.0))
    write(folder / "lammps-mpich.out", google_log(43.0, None))
    code, records = read(tmp_path / "gke" / "cpu")
    told = {(r.k8s_operator, loop_of(r), r.launcher_time_s, r.status) for r in records}
    assert (code, told) == (
        1,
        {
            ("flux_operator lammps", 41.0, 56.25, "valid"),
            ("flux_operator lammps", 42.0, 56.25, "valid"),
            ("flux_operator lammps-mpich", 43.0, 56.25, "valid"),
            ("flux_operator lammps-mpich", None, None, "failed"),
        },
    )
    assert {r.nodes for r in records} == {2}
    assert len({r.point_id for r in records}) == 4


def test_many_runs_without_blocks_of_jobs_keep_their_figures(read, tmp_path):
    text = google_log(41.0, 42.0).partition("FLUX-JOB START")[0]
    write(tmp_path / "run" / "logs" / "lammps.out", text)
    code, records = read(tmp_path / "run")
    assert (code, [(r.nodes, r.launcher_time_s) for r in records]) == (0, [(2, None)] * 2)


def test_usernetes_is_read_by_its_paths_each_program_as_an_experiment_of_its_own(read, tmp_path):
    root = tmp_path / "final"
    for arm, loop_s in (("bare-metal", 41.0), ("usernetes", 42.0)):
        for repeat in (1, 2):
            name = f"lammps-2-4-{repeat}.out"
            write(root / "results-lammps" / arm / name, lammps(loop_s + repeat / 10))
    osu = "# OSU MPI Allreduce Latency Test v5.8\n# Size  Avg Latency (us)\n8   1.20\n16   1.40\n"
    write(root / "results-osu" / "bare-metal" / "allreduce-2-4-1.out", osu)
    code, records = read(root)
    (other,) = (r for r in records if r.application == "osu")
    assert (other.status, other.figures, other.ranks) == ("valid", {"latency_us": 1.2}, 4)
    assert other.curves == {"latency_by_size_us": {8: 1.2, 16: 1.4}}
    records = [r for r in records if r.application == "lammps"]
    told = [(r.k8s_operator, r.nodes, r.ranks, r.repeat, loop_of(r)) for r in records]
    assert (code, told) == (
        0,
        [
            ("bare-metal", 2, 4, 1, 41.1),
            ("bare-metal", 2, 4, 2, 41.2),
            ("usernetes", 2, 4, 1, 42.1),
            ("usernetes", 2, 4, 2, 42.2),
        ],
    )
    assert {other.study_id, records[0].study_id} == {"final/osu", "final/lammps"}


def info(**changes):
    times = {"t_submit": 1e9 + 0.5, "t_run": 1e9 + 1.0, "t_cleanup": 1e9 + 51.25}
    return json.dumps({**times, "ntasks": 4, "nnodes": 2, "waitstatus": 0, **changes})


def test_logs_with_job_info_beside_them_are_read(read, tmp_path):
    write(tmp_path / "run" / "lammps-0.log", lammps(41.0))
    write(tmp_path / "run" / "lammps-0-info.json", info())
    write(tmp_path / "run" / "lammps-1.log", lammps(42.0))
    write(tmp_path / "run" / "lammps-1-info.json", info(waitstatus=256))
    write(tmp_path / "run" / "lammps-2.log", lammps(43.0))
    write(tmp_path / "run" / "lammps-2-info.json", info()[:-5])
    code, records = read(tmp_path / "run")
    told = {(r.status, r.nodes, loop_of(r), r.launcher_time_s) for r in records}
    assert (code, told) == (
        1,
        {
            ("valid", 2, 41.0, 50.25),
            ("failed", 2, None, None),
            ("invalid", None, None, None),
        },
    )


def minicluster(loop_s, *, stamped):
    text = (
        "Hello, I'm flux-sample-0\n\n"
        "Submit Mode: flux start flux submit  -N 2 -n4 --quiet --watch lmp -in in.some\n"
        f"{lammps(loop_s)}"
        "broker.info[0]: rc2.0: flux submit -N 2 -n4 lmp Exited (rc=0) 8.4s\n"
    )
    if not stamped:
        return f"\n===\nOutput: recorded-at: 2024-04-02 20:08:50.885960\n{text}"
    stamps = (f"2023-07-22T17:49:{second:02d}.5Z " for second in range(60))
    return "".join(next(stamps) + line for line in text.splitlines(keepends=True))


def test_time_stamps_of_minicluster_logs_are_instants(read, tmp_path):
    write(tmp_path / "run" / "lammps-0-leader5s.log", minicluster(41.0, stamped=True))
    write(tmp_path / "run" / "lammps-0-leader5s-services.log", minicluster(42.0, stamped=True))
    code, records = read(tmp_path / "run")
    told = {(r.k8s_operator, r.nodes, r.ranks, loop_of(r)) for r in records}
    assert (code, told) == (
        0,
        {
            ("flux_operator leader5s", 2, 4, 41.0),
            ("flux_operator leader5s-services", 2, 4, 42.0),
        },
    )
    first = records[0]
    assert first.launcher_started_at.isoformat() == "2023-07-22T17:49:00.500000+00:00"
    assert first.app_started_at.second == 3
    assert (first.app_s, first.shutdown_s) == (float(first.app_finished_at.second - 3), 1.0)


def test_schedulers_of_minicluster_logs_are_arms(read, tmp_path):
    for scheduler in ("fluence", "coscheduling"):
        name = f"{scheduler}-batch-0-iter-0-size-4-2-2-2.log"
        text = minicluster(41.0 + len(scheduler), stamped=False)
        write(tmp_path / "run" / scheduler / "logs" / name, text)
    code, records = read(tmp_path / "run")
    assert (code, {r.study_id for r in records}) == (0, {"run"})
    assert {r.k8s_operator for r in records} == {
        *("flux_operator fluence", "flux_operator coscheduling"),
    }


def metrics(lines):
    head = ["METADATA START {}", "METRICS OPERATOR COLLECTION START", "METRICS OPERATOR TIMEPOINT"]
    command = "mpirun -np 4 --map-by socket lmp -in in.some"
    data = {
        "data": [*head, *lines, "METRICS OPERATOR COLLECTION END"],
        "metadata": {"pods": 2, "metricOptions": {"command": command}},
    }
    return json.dumps({"data": data}, indent=4)


def test_metrics_operator_is_read_from_its_lines(read, tmp_path):
    lines = [line for line in lammps(41.0).splitlines() if line]
    write(tmp_path / "run" / "cache" / "a-0.json", metrics(lines))
    killed = [*lines[:20], "=   KILLED BY SIGNAL: 9 (Killed)"]
    write(tmp_path / "run" / "cache" / "a-1.json", metrics(killed))
    write(tmp_path / "run" / "a.json", metrics(lines))
    code, records = read(tmp_path / "run")
    told = [(r.k8s_operator, r.nodes, r.ranks, loop_of(r), r.status) for r in records]
    assert (code, told) == (
        1,
        [
            ("metrics_operator", 2, 4, 41.0, "valid"),
            ("metrics_operator", 2, 4, None, "failed"),
        ],
    )
    assert "KILLED BY SIGNAL: 9" in records[1].error


PATTERN = "…/{arm}/lammps-{nodes}-{ranks}-{repeat}.out"


def test_anybodys_logs_are_read_by_a_pattern(read, tmp_path, capsys):
    for arm in ("left", "right"):
        for repeat in (1, 2, 10):
            text = lammps(40.0 + repeat + (20 if arm == "right" else 0))
            write(tmp_path / "run" / "x" / arm / f"lammps-2-4-{repeat}.out", text)
    write(tmp_path / "run" / "x" / "left" / "notes.txt", "x")
    code, records = read(tmp_path / "run", options=["--layout", "paths", "--pattern", PATTERN])
    told = [(r.k8s_operator, r.nodes, r.ranks, r.repeat, loop_of(r)) for r in records]
    assert (code, told[:3]) == (
        0,
        [("left", 2, 4, n, 40 + place) for n, place in ((1, 1), (2, 2), (3, 10))],
    )
    assert len(told) == 6
    assert "the order of the runs is not known" in capsys.readouterr().out


def test_ranks_other_than_the_path_tells_are_invalid(read, tmp_path):
    write(tmp_path / "run" / "left" / "lammps-2-8-1.out", lammps())
    code, (record,) = read(tmp_path / "run", options=["--layout", "paths", "--pattern", PATTERN])
    assert (code, record.status) == (1, "invalid")
    assert "ran on 4 ranks instead of 8" in record.error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layout", "paths", "--pattern", "…/{arms}/x.out"], "{arms}, which is no factor"),
        (["--layout", "paths", "--pattern", "…/x.out"], "names no factor"),
        (["--layout", "paths"], "--layout paths needs --pattern"),
        (["--layout", "slurm", "--pattern", PATTERN], "--pattern is for --layout paths"),
        (["--layout", "nothing"], "has no 'nothing'; choose from"),
        (["--layout", "slurm"], "known layouts: Slurm"),
    ],
)
def test_wrong_layout_or_pattern_is_bad_input(read, tmp_path, options, said, capsys):
    write(tmp_path / "run" / "logs" / "a.out", mpi_log())
    code, _ = read(tmp_path / "run", options=options)
    assert code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pattern", "path", "factors"),
    [
        (PATTERN, "a/b/left/lammps-2-4-1.out", {"arm": "left", "nodes": 2, "ranks": 4}),
        (PATTERN, "a/b/left/lammps-2-4.out", None),
        ("{arm}/*/{nodes}n.log", "z/left/any/4n.log", {"arm": "left", "nodes": 4}),
        ("{study}/…/{arm}.out", "z/s/t/u/left.out", {"study": "u", "arm": "left"}),
        ("{arm}-{_}-{repeat}.out", "left-x-y-3.out", {"arm": "left", "repeat": 3}),
        ("{arm}/{arm}-{repeat}.out", "left/left-3.out", {"arm": "left", "repeat": 3}),
        ("{arm}/{arm}-{repeat}.out", "left/right-3.out", None),
        ("**/{arm}(1)/x.log", "p/q(1)/x.log", {"arm": "q"}),
    ],
)
def test_pattern_names_the_factors_of_a_path(tmp_path, pattern, path, factors):
    found = PathPattern(pattern).match(tmp_path / path)
    if factors is None:
        assert found is None
    else:
        assert {name: getattr(found, name) for name in factors} == factors


def test_pattern_without_a_known_factor_is_refused():
    with pytest.raises(StudyError, match="there are {arm}"):
        PathPattern("{node}.out")
