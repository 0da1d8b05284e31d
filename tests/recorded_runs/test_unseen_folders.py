"""Folders of the known layouts as nobody made them before: nothing in them is passed over."""

import json
import os
from pathlib import Path

import pytest

from tests.recorded_runs.folders import (
    SIZE,
    baseline_row,
    flux_folder,
    flux_log,
    mpi_folder,
    mpi_log,
    write,
)


@pytest.fixture
def refused(monkeypatch):
    """Makes a file, or a folder, one that may not be read; root would read it all the same."""
    closed = set()
    really_open, really_list = Path.open, os.scandir

    def open_file(self, *args, **kwargs):
        if self in closed:
            raise PermissionError(13, "Permission denied", str(self))
        return really_open(self, *args, **kwargs)

    def list_folder(path="."):
        if Path(path) in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return really_list(path)

    monkeypatch.setattr(Path, "open", open_file)
    monkeypatch.setattr(os, "scandir", list_folder)
    return closed.add


def statuses(records):
    return [record.status for record in records]


def test_log_that_may_not_be_read_is_invalid_and_the_rest_is_imported(read, tmp_path, refused):
    flux, mpi = flux_folder(tmp_path / "run" / "f"), mpi_folder(tmp_path / "run" / "m")
    first, second = flux / f"lmp-2-1{SIZE}2" / "log.out", sorted((mpi / "logs").iterdir())[1]
    refused(first)
    refused(second)
    code, records = read(tmp_path / "run")
    assert (code, sorted(statuses(records))) == (1, ["invalid", "invalid", "valid", "valid"])
    errors = {record.error for record in records if record.error}
    assert errors == {
        f"ParseError: {path.parent.name}/{path.name} cannot be read: Permission denied"
        for path in (first, second)
    }


def test_files_beside_the_logs_that_may_not_be_read_are_problems(read, tmp_path, refused, capsys):
    flux, mpi = flux_folder(tmp_path / "run" / "f"), mpi_folder(tmp_path / "run" / "m")
    write(mpi / "cluster.log", "{}")
    refused(flux / "meta.json")
    refused(mpi / "cluster.log")
    code, records = read(tmp_path / "run")
    assert (code, set(statuses(records))) == (1, {"valid"})
    said = capsys.readouterr().out
    assert "run/f: meta.json cannot be read" in said
    assert "run/m: cluster.log cannot be read" in said


def test_folder_that_may_not_be_listed_is_a_problem(read, tmp_path, refused, capsys):
    flux_folder(tmp_path / "run" / "f")
    refused(flux_folder(tmp_path / "run" / "closed"))
    code, records = read(tmp_path / "run")
    assert (code, len(records)) == (1, 2)
    assert "run/closed cannot be read: Permission denied" in capsys.readouterr().out
    problems = json.loads((tmp_path / "out" / "import.json").read_text())["problems"]
    assert problems == ["run/closed cannot be read: Permission denied"]


def test_link_to_nothing_and_pipe_are_problems_and_an_empty_folder_is_named(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    log = root / f"lmp-2-1{SIZE}2" / "log.out"
    log.unlink()
    log.symlink_to(tmp_path / "gone")
    (root / f"lmp-2-3{SIZE}2").mkdir()
    os.mkfifo(root / "pipe")
    code, records = read(root)
    assert (code, statuses(records)) == (1, ["invalid", "valid"])
    said = capsys.readouterr().out
    assert f"run/lmp-2-1{SIZE}2/log.out cannot be read: No such file" in said
    assert "run/pipe cannot be read: it is no regular file" in said
    assert f"run/lmp-2-3{SIZE}2/: belongs to no layout" in said


def test_linked_experiments_are_read_once_and_a_circle_ends(read, tmp_path):
    elsewhere = flux_folder(tmp_path / "elsewhere")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a").symlink_to(elsewhere)
    (tmp_path / "run" / "b").symlink_to(elsewhere)
    (tmp_path / "run" / "again").symlink_to(tmp_path / "run")
    code, records = read(tmp_path / "run")
    assert (code, [record.study_id for record in records]) == (0, ["run/a", "run/a"])


def test_file_name_that_is_no_text_is_a_problem(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).write_text("")
    code, _ = read(root)
    assert code == 1
    assert "its name is not UTF-8" in capsys.readouterr().out


def test_ranks_are_those_of_lammps_where_no_command_and_no_meta_tells_them(read, tmp_path):
    log = "".join(line for line in flux_log().splitlines(keepends=True) if "submit -N" not in line)
    write(tmp_path / "run" / f"lmp-2-1{SIZE}2" / "log.out", log)
    _, (record,) = read(tmp_path / "run")
    assert (record.status, record.nodes, record.ranks, record.binding) == ("valid", 2, 4, None)


@pytest.mark.parametrize("size", [2, None])
def test_folder_that_tells_no_size_has_the_nodes_of_its_job_or_its_command(read, tmp_path, size):
    write(tmp_path / "run" / "small" / "log.out", flux_log(nodes=2))
    job = {"command": "lmp -in x", "tasks": "4"} | ({"size": size} if size else {})
    meta = {"times": {"minicluster-run-small": 80.5}, "jobs": {"small": job}}
    write(tmp_path / "run" / "meta.json", json.dumps(meta))
    code, (record,) = read(tmp_path / "run")
    assert (code, record.point_id, record.nodes, record.ranks) == (0, "small", 2, 4)


def test_run_whose_nodes_nothing_tells_is_invalid(read, tmp_path):
    write(tmp_path / "run" / "small" / "log.out", flux_log().replace(" -N 2", ""))
    write(tmp_path / "run" / "meta.json", '{"times": {"minicluster-run-small": 80.5}}')
    code, (record,) = read(tmp_path / "run")
    assert (code, record.status, record.nodes) == (1, "invalid", None)
    assert "small/log.out: neither folder, meta.json nor command tells the nodes" in record.error


def test_numbers_of_meta_are_read_as_they_are_written(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    meta = (root / "meta.json").read_text()
    meta = meta.replace('"1.23"', "1.30").replace('"some.large"', "7")
    (root / "meta.json").write_text(meta.replace('"tasks": 4', '"tasks": "4"'))
    code, records = read(root)
    assert (code, set(statuses(records))) == (0, {"valid"})
    assert (records[0].kubernetes_version, records[0].instance_type) == ("1.30", "7")


@pytest.mark.parametrize("time", ["NaN", "Infinity", '"soon"', "null", "[]"])
def test_time_in_meta_that_is_none_is_a_problem(read, tmp_path, time, capsys):
    root = flux_folder(tmp_path / "run")
    meta = (root / "meta.json").read_text()
    (root / "meta.json").write_text(meta.replace("80.5", time, 1))
    code, records = read(root)
    assert (code, statuses(records)) == (1, ["valid", "valid"])
    assert f"run: meta.json has no time of lmp-2-1{SIZE}2" in capsys.readouterr().out
    assert [record.point_id[:7] for record in records] == ["lmp-2-1", "lmp-2-2"]


def test_size_that_no_run_can_have_is_invalid_with_its_file(read, tmp_path):
    write(tmp_path / "run" / f"lmp{SIZE}0" / "log.out", flux_log())
    ranks = mpi_log().replace("Ranks: 4", "Ranks: 0").replace(" -np 4", "")
    mpi_folder(tmp_path / "run" / "m", [ranks])
    code, records = read(tmp_path / "run")
    assert (code, statuses(records)) == (1, ["invalid", "invalid"])
    assert all("log.out" in (r.error or "") or "logs/lammps" in (r.error or "") for r in records)


def test_replicas_that_no_problem_has_leave_the_energy_unchecked(read, tmp_path):
    root = mpi_folder(tmp_path / "run", [mpi_log().replace("lmp -in", "lmp -v x 0 -in")])
    code, (record,) = read(root)
    assert (code, record.status) == (0, "valid")


def test_logs_one_folder_deeper_are_one_experiment_and_the_put_aside_are_warm_ups(read, tmp_path):
    for name in ("size-2/first.out", "size-2/_second.out", "_aside/first.out"):
        write(tmp_path / "run" / "logs" / name, mpi_log())
    code, records = read(tmp_path / "run")
    assert code == 0
    assert {record.study_id for record in records} == {"run"}
    warm_ups = {record.point_id: record.is_warmup for record in records}
    assert warm_ups == {"_aside/first": True, "size-2/_second": True, "size-2/first": False}


def test_line_ends_of_another_system_change_nothing(read, tmp_path):
    root = flux_folder(tmp_path / "run" / "f")
    mpi_folder(tmp_path / "run" / "m")
    _, before = read(tmp_path / "run")
    for log in [*root.glob("*/log.out"), *(tmp_path / "run" / "m" / "logs").iterdir()]:
        log.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    code, after = read(tmp_path / "run")
    assert code == 0
    assert [r.model_copy(update={"log_sha256": None}) for r in after] == [
        r.model_copy(update={"log_sha256": None}) for r in before
    ]


def test_hours_of_a_launcher_are_read(read, tmp_path):
    _, (record,) = read(mpi_folder(tmp_path / "run", [mpi_log(real="1h02m03.45s")]))
    assert record.launcher_time_s == 3723.45


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 5000, b"\x1f\x8b\x08" + b"\x80" * 99])
def test_empty_file_and_noise_are_invalid_in_every_layout(read, tmp_path, content):
    flux, mpi = flux_folder(tmp_path / "run" / "f"), mpi_folder(tmp_path / "run" / "m")
    bad = [flux / f"lmp-2-1{SIZE}2" / "log.out", min((mpi / "logs").iterdir())]
    for path in bad:
        path.write_bytes(content)
    code, records = read(tmp_path / "run")
    assert (code, sorted(statuses(records))) == (1, ["invalid", "invalid", "valid", "valid"])
    errors = " ".join(record.error for record in records if record.error)
    assert all(f"{path.parent.name}/{path.name}, at its end, line" in errors for path in bad)


ROWS = [
    (7, "no 'scheduler'"),
    ({"ranks": 188}, "no 'scheduler'"),
    (baseline_row(real="52"), "no positive number 'real'"),
    (baseline_row(real=float("inf")), "no positive number 'real'"),
    (baseline_row(pods=1.5), "no positive number 'pods'"),
    (baseline_row(end_to_end_time=-1), "no positive number 'end_to_end_time'"),
]


@pytest.mark.parametrize(("row", "reason"), ROWS)
def test_wrong_row_of_a_table_is_invalid_and_the_others_are_imported(read, tmp_path, row, reason):
    path = tmp_path / "run" / "mpi_operator_results.json"
    write(path, json.dumps([baseline_row(), row, baseline_row()]))
    code, records = read(tmp_path / "run")
    assert (code, statuses(records)) == (1, ["valid", "invalid", "valid"])
    assert records[1].error == f"ParseError: run/mpi_operator_results.json, row 2: {reason}"
