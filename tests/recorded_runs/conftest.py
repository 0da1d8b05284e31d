"""Imports of folders, without the figures unless a test asks for them."""

import pytest

from include.analysis import table
from include.recorded_runs import __main__ as program
from include.recorded_runs import _report
from include.report import content
from include.results import Results
from tests.recorded_runs.run6 import run6  # noqa: F401  a fixture


@pytest.fixture
def without_figures(monkeypatch):
    """Drawing takes seconds; tests of records do without."""
    monkeypatch.setattr(content, "draw_all", lambda *_, **__: ())
    monkeypatch.setattr(_report, "draw_all", lambda *_, **__: ())
    monkeypatch.setattr(_report, "draw_originals", lambda *_, **__: ())


@pytest.fixture
def imported(without_figures, tmp_path):
    """Import folders and return the exit code and the records."""

    def run(*folders, options=()):
        out = tmp_path / "out"
        code = program.main([*map(str, folders), "--out", str(out), *options])
        return code, table.to_records(table.from_csv(Results(out).read_bytes("records.csv")))

    return run
