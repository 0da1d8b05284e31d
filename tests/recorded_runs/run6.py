"""Run 6, imported as it lies."""

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.recorded_runs import _folders, _records
from tests.parsers.synthetic_logs import RUN6


@pytest.fixture(scope="session")
def run6():
    """The analysis of run 6, imported as it lies."""
    found = _folders.find([RUN6])
    experiments = _records.in_order([source.read(lambda _: None) for source in found.sources])
    names = _folders.study_names(experiments, folders=[RUN6])
    imported = _records.to_records(experiments, names=names, published_rule=False)
    return analyse(table.to_frame(run.record for run in imported))
