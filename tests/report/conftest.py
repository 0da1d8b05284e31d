"""The figures of a study, drawn once for all tests that look at them."""

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.report.figures import draw_all
from tests.analysis.synthetic import study_records


@pytest.fixture(scope="session")
def drawings():
    """Every figure of the synthetic study."""
    found = analyse(table.to_frame(study_records()), operators=("mpi_operator", "indexed_job"))
    return draw_all(found, operators=("mpi_operator", "indexed_job"))
