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
