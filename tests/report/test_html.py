"""What the page says of where the runs ran."""

from __future__ import annotations

import pytest

from include.analysis import table
from include.report.html import provenance
from tests.analysis.synthetic import record


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ((), "unknown"),
        (("node-0",), "node-0"),
        (("b.east.example", "a.east.example"), "2 nodes of east.example: a, b"),
        (("a.east.example", "b.west.example"), "a.east.example, b.west.example"),
        (("node-1", "node-0"), "node-0, node-1"),
    ],
)
def test_a_domain_that_all_nodes_share_stands_once(names, shown):
    ((_, rows),) = provenance(table.to_frame([record(node_names=names)]))
    assert dict(rows)["Node names"] == shown


def test_a_simulated_study_says_in_its_table_of_times_how_long_its_waiting_was(
    tmp_path, monkeypatch
):
    from include.report import content
    from include.report.write import write_report
    from tests.analysis.synthetic import study_records
    from tests.report.study_folder import write_study

    monkeypatch.setattr(content, "draw_all", lambda *_, **__: ())
    played = [
        record.model_copy(update={"time_scale": 0.1}) for record in study_records(simulated=True)
    ]
    write_report(write_study(tmp_path / "played", played))
    write_report(write_study(tmp_path / "real", study_records()))
    assert "passed 0.1 times as long" in (tmp_path / "played" / "report.html").read_text()
    assert "times as long" not in (tmp_path / "real" / "report.html").read_text()
