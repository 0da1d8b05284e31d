"""What the analysis costs: measured, or a line that says why not."""

from __future__ import annotations

import pytest

from include.bench import __main__ as bench
from include.bench import analysis, regression
from include.errors import BenchmarkError
from include.recorded_runs import mpi_runner


def test_no_folder_is_a_line_that_says_so(monkeypatch, capsys):
    monkeypatch.setattr(analysis, "_memory_row", lambda _: ("memory", "0 MiB", "0"))
    monkeypatch.setattr(analysis, "RECORDS", 800)
    monkeypatch.setattr(regression, "NIGHTS", 40)
    monkeypatch.setattr(regression, "GROUPS", 10)
    assert bench.main(["--analysis-only"]) == 0
    said = capsys.readouterr().out
    assert "| recorded runs → tables, figures, report | not measured: no folder of recorded" in said
    assert "| 800 records summarised |" in said
    assert "| 40 nights of 10 groups analysed, 5 repeats a night |" in said
    assert "1 changes found | < 10 s |" in said


def test_runs_that_were_imported_are_counted_in_what_is_told(tmp_path, monkeypatch):
    def imported(folders, *, out, may_be_invalid):
        assert (folders, may_be_invalid) == ([tmp_path], True)
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
