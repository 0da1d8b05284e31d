"""A study with its report, written once for all tests that look at it or at its figures."""

import pytest

from include.report import content
from include.report.write import write_report
from tests.analysis.synthetic import study_records
from tests.report.study_folder import write_study


@pytest.fixture(scope="session")
def _written(tmp_path_factory):
    """A complete study's records, folder, summary, and figures as they were drawn."""
    drawn = []
    draw_all = content.draw_all

    def note(*args, **kwargs):
        drawn.extend(draw_all(*args, **kwargs))
        return tuple(drawn)

    records = study_records()
    results = write_study(tmp_path_factory.mktemp("complete"), records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "draw_all", note)
        summary = write_report(results)
    return records, results, summary, tuple(drawn)


@pytest.fixture(scope="session")
def complete(_written):
    """A complete study's records, folder and summary, with all its figures."""
    return _written[:3]


@pytest.fixture(scope="session")
def drawings(_written):
    """Every figure of that study."""
    return _written[3]
