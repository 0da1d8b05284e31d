"""Imports of folders, without the figures unless a test asks for them."""

import dataclasses
import functools

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
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


@pytest.fixture
def read(without_figures, tmp_path, monkeypatch):
    """As `imported`, without statistics and report, which take most of the time."""
    known = []
    content_of = _report.content_of

    def note(runs, *args, **kwargs):
        known[:] = [run.record for run in runs]
        return content_of(runs, *args, **kwargs)

    monkeypatch.setattr(_report, "content_of", note)
    monkeypatch.setattr(_report, "analyse", _without_statistics)
    monkeypatch.setattr(program, "write_content", lambda *_: None)

    def run(*folders, options=()):
        code = program.main([*map(str, folders), "--out", str(tmp_path / "out"), *options])
        return code, tuple(known)

    return run


_of_nothing = functools.cache(lambda: analyse(table.to_frame(())))


def _without_statistics(frame):
    return dataclasses.replace(_of_nothing(), frame=frame)
