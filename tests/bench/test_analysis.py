"""What the analysis costs: measured on what was given, or on what was generated."""

from __future__ import annotations

import pytest

from include.bench import __main__ as bench
from include.bench import analysis, recorded_folders, regression
from include.errors import BenchmarkError
from include.recorded_runs import _folders, mpi_runner


def test_without_a_folder_generated_runs_are_imported(monkeypatch, capsys):
    monkeypatch.setattr(analysis, "_memory_row", lambda _: ("memory", "0 MiB", "0"))
    monkeypatch.setattr(analysis, "RECORDS", 800)
    monkeypatch.setattr(regression, "NIGHTS", 40)
    monkeypatch.setattr(regression, "GROUPS", 10)
    monkeypatch.setattr(recorded_folders, "REPEATS", 2)
    monkeypatch.setattr(analysis, "_import", _logs_of)
    assert bench.main(["--analysis-only"]) == 0
    said = capsys.readouterr().out
    assert "| 17 generated runs → tables, figures, report |" in said
    assert "| 800 records summarised |" in said
    assert "| 40 nights of 10 groups analysed, 5 repeats a night |" in said
    assert "1 changes found | < 10 s |" in said


def _logs_of(folders, *, out, may_be_invalid):
    logs = [path for folder in folders for path in folder.rglob("*.out")]
    out.mkdir()
    (out / "records.csv").write_text("\n".join(["point_id", *map(str, logs)]) + "\n")
    return 3.25, 200.0


def test_generated_runs_are_as_many_as_run_6_has_and_are_marked(tmp_path):
    recorded_folders.write_folders(tmp_path)
    found = _folders.find([tmp_path])
    runs = [run for source in found.sources for run in source.read(lambda _: None).runs]
    assert (len(runs), found.strangers, found.problems) == (161, (), ())
    assert all(run.error is None and run.fields["simulated"] for run in runs)


def test_runs_that_were_imported_are_counted_in_what_is_told(tmp_path, monkeypatch):
    def imported(folders, *, out, may_be_invalid):
        assert (folders, may_be_invalid) == ([tmp_path], True)
        out.mkdir()
        (out / "records.csv").write_text("point_id\na\nb\n")
        return 3.25, 200.0

    monkeypatch.setattr(analysis, "_import", imported)
    what, measured, _ = analysis._import_row([tmp_path])
    assert (what, measured) == ("2 recorded runs → tables, figures, report", "3.2 s")


def test_an_import_that_fails_is_told(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no experiment found\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setattr(analysis.sys, "executable", str(program))
    with pytest.raises(BenchmarkError, match="no experiment found"):
        analysis._import([tmp_path], out=tmp_path / "out")


def test_the_generated_log_is_a_whole_run(tmp_path):
    log = tmp_path / "logs" / "generated.out"
    analysis.write_long_log(log, size=100_000)
    assert log.stat().st_size >= 100_000
    (source,) = mpi_runner.ADAPTER.find([log])
    (run,) = source.read(lambda _: None).runs
    assert run.error is None
    assert run.fields["simulated"]
