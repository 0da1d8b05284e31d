"""What looks like a repeat and is none: copies, other problems, other programs, other bytes."""

import csv
import json

import pytest

from tests.recorded_runs.folders import SIZE, flux_folder, loop_of, mpi_folder, mpi_log, write


def log_of(root, name):
    return root / f"{name}{SIZE}{name.split('-')[1]}" / "log.out"


@pytest.mark.parametrize(
    "change",
    [
        bytes,
        lambda b: b.decode().encode("utf-16"),
        lambda b: b + b"\n\n",
        lambda b: b"\n" + b.replace(b"\n", b" \n"),
        None,
    ],
)
def test_copied_log_counts_once_and_is_named(imported, tmp_path, capsys, change):
    root = flux_folder(tmp_path / "run", ("lmp-2-1", "lmp-2-2", "lmp-2-3"))
    original = log_of(root, "lmp-2-2").read_bytes()
    copy = change(original) if change else original.replace(b"\n", b"\r\n")
    log_of(root, "lmp-2-3").write_bytes(copy)
    code, records = imported(root)
    assert (code, [r.status for r in records]) == (1, ["valid", "valid", "invalid"])
    assert loop_of(records[2]) is None
    assert f"its log is that of lmp-2-2{SIZE}2, letter by letter" in records[2].error
    assert "copies of another log of it, which counts once: lmp-2-3" in capsys.readouterr().out


def test_copy_in_another_experiment_is_noted_and_kept_apart(imported, tmp_path, capsys):
    flux_folder(tmp_path / "run" / "a")
    flux_folder(tmp_path / "run" / "b")
    code, records = imported(tmp_path / "run")
    assert (code, {r.status for r in records}) == (0, {"valid"})
    said = capsys.readouterr().out
    assert "run/b: 2 of its logs are in a too, letter by letter" in said
    assert "flux_operator (run/b)" in said


def test_copy_that_was_put_aside_takes_nothing_from_the_log_that_counts(read, tmp_path):
    root = flux_folder(tmp_path / "run", ("lmp-2-1", "lmp-2-2"))
    aside = root / f"_lmp-2-0{SIZE}2" / "log.out"
    write(aside, log_of(root, "lmp-2-1").read_text())
    _, records = read(root)
    counted = {r.point_id[:7] for r in records if r.status == "valid" and not r.is_warmup}
    assert counted == {"lmp-2-1", "lmp-2-2"}


def of_other_size(text):
    return text.replace("2432 atoms", "9728 atoms")


def test_two_problems_in_one_size_are_two_cells(imported, tmp_path, capsys):
    root = flux_folder(tmp_path / "run", [f"lmp-2-{n}" for n in range(1, 5)])
    for name in ("lmp-2-3", "lmp-2-4"):
        log = log_of(root, name)
        log.write_text(of_other_size(log.read_text()).replace("Loop time of 4", "Loop time of 1"))
    _, records = imported(root)
    assert {tuple(r.problem.values()) for r in records} == {(2432, 20), (9728, 20)}
    assert "several problems were computed" in capsys.readouterr().out
    summary = table_of(tmp_path / "out" / "summary.csv")
    assert sorted((row["problem"], row["n"]) for row in summary) == [
        ("atoms 2,432", "2"),
        ("atoms 9,728", "2"),
    ]


def table_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_operators_on_different_problems_have_no_difference(imported, tmp_path, capsys):
    flux_folder(tmp_path / "run" / "f")
    logs = [of_other_size(mpi_log(loop_s=seconds)) for seconds in (44.0, 50.0)]
    mpi_folder(tmp_path / "run" / "m", logs)
    imported(tmp_path / "run")
    said = capsys.readouterr().out
    assert (
        "several problems were computed; they are cells of their own and are not compared" in said
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "faster, 95" not in page
    assert "slower, 95" not in page


def test_two_versions_of_the_program_are_two_cells(imported, tmp_path, capsys):
    root = flux_folder(tmp_path / "run", [f"lmp-2-{n}" for n in range(1, 3)])
    log = log_of(root, "lmp-2-2")
    log.write_text(log.read_text().replace("(29 Sep 2021 - Update 2)", "(2 Apr 2025)"))
    imported(root)
    said = capsys.readouterr().out
    assert "flux_operator (29 Sep 2021 - Update 2)" in said
    assert "flux_operator (2 Apr 2025)" in said


OTHERS = {
    "STREAM": "STREAM version $Revision: 5.10 $\n",
    "Kripke": "   Kripke, Version 1.2.5-dev\n",
    "HPL": "HPLinpack 2.3  --  High-Performance Linpack benchmark\n",
    "miniFE": "MiniFE Mini-App, OpenMP Peer Implementation\n",
}


@pytest.mark.parametrize("program", OTHERS)
def test_log_of_another_program_is_named_as_what_it_is(read, tmp_path, program, capsys):
    root = flux_folder(tmp_path / "run", ("lmp-2-1", "lmp-2-2"))
    log_of(root, "lmp-2-2").write_text(OTHERS[program])
    code, records = read(root)
    assert (code, len(records)) == (0, 1)
    said = capsys.readouterr().out
    assert f"logs of other programs, not read: 1 of {program}" in said
    assert "LAMMPS did not start" not in said
    told = json.loads((tmp_path / "out" / "import.json").read_text())["other_programs"]
    assert list(told.values()) == [program]


def test_folder_of_nothing_but_other_programs_says_so(read, tmp_path, capsys):
    write(tmp_path / "run" / f"stream{SIZE}2" / "log.out", OTHERS["STREAM"])
    write(
        tmp_path / "run" / "meta.json",
        '{"times": {"minicluster-run-stream-minicluster-size-2": 8}}',
    )
    code, _ = read(tmp_path / "run")
    assert code == 2
    assert "nothing to compare" in (said := capsys.readouterr().err)
    assert "1 of STREAM" in said


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_log_that_a_windows_shell_wrote_is_read(read, tmp_path, encoding):
    root = flux_folder(tmp_path / "run")
    log = log_of(root, "lmp-2-2")
    log.write_bytes(log.read_text().replace("ƒ", "f").encode(encoding))
    code, records = read(root)
    assert (code, [loop_of(r) for r in records]) == (0, [40, 41])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\x1f\x8b\x08 and more", "the file is packed by gzip"),
        (b"Error from server (NotFound): pods not found\n", "Error from server (NotFound)"),
        (b"a text\nb\0\0c\n", "NUL bytes"),
        (b"(\xb5/\xfd and more", "the file is packed by zstd"),
        (b"a text\rand more\r", "its lines end in CR alone"),
    ],
)
def test_file_without_a_log_says_what_it_is(read, tmp_path, content, reason):
    root = flux_folder(tmp_path / "run")
    log_of(root, "lmp-2-2").write_bytes(content)
    code, records = read(root)
    assert (code, records[1].status) == (1, "invalid")
    assert reason in records[1].error


@pytest.mark.parametrize(
    "prefix", ["2026-11-28T20:01:04.123456789Z ", "[pod/lmp-0/lmp] ", "[1,0]<stdout>:", "0: "]
)
def test_prefix_of_every_line_of_a_log_is_taken_off(read, tmp_path, prefix):
    root = flux_folder(tmp_path / "run")
    for log in root.glob("*/log.out"):
        text = log.read_text()
        log.write_text("".join(f"{prefix}{line}" for line in text.splitlines(keepends=True)))
    code, records = read(root)
    assert code == 0
    assert [(loop_of(r), r.launcher_time_s) for r in records] == [
        (40, 50.21),
        (41, 50.21),
    ]


def test_files_of_no_layout_are_counted_and_listed_on_request(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    for name in ("plot.py", "run.sh", "a.png", "b.png"):
        write(root / name, "x")
    read(root)
    said = capsys.readouterr().out
    assert "4 files not read (2 .png, 1 .py, 1 .sh)" in said
    assert "run/plot.py" not in said
    read(root, options=["--verbose"])
    assert "run/plot.py: belongs to no layout, not read" in capsys.readouterr().out
