"""The figures for a decision: cost against time, the course of a study, the map of slow nodes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.analysis import cells, table
from include.analysis.analysis import analyse
from include.cost.ledger import Slice, Use
from include.models import Status
from include.report import drawing as drawing_of
from include.report.cost_by_operator import cost_by_operator
from include.report.cost_plot import draw_cost
from include.report.course_plot import draw_course
from include.report.node_map import draw_nodes
from tests.analysis.synthetic import START, record, study_records
from tests.report.test_figures import OPERATORS, QUANTITIES, texts


@pytest.fixture(scope="module", autouse=True)
def _words_alone():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing_of, "_png", lambda _: b"")
        yield


def part(start_s, end_s, **nodes):
    return Slice(
        start=START + timedelta(seconds=start_s),
        end=START + timedelta(seconds=end_s),
        nodes={Use[name.upper()]: number for name, number in nodes.items()},
        useful=0,
    )


def test_the_course_names_what_the_cluster_did_each_cells_runs_and_idle_time():
    frame = table.to_frame(study_records())
    course = [
        part(0, 10, creating=2),
        part(10, 30, starting=1, beside=1),
        part(30, 40, idle=2),
        part(40, 400, solving=2),
    ]
    drawing = draw_course(frame, course, order=OPERATORS)
    written = texts(drawing.svg)
    assert {"cluster", "idle", "idle beside a smaller job", "MPI Operator, 1 node"} <= set(written)
    assert "minutes since the beginning" in written
    assert "idle: 2.5 %; idle beside a smaller job: 2.5 %" in drawing.caption
    assert "n = 16 runs" in drawing.caption


def test_the_course_of_runs_alone_has_no_lane_of_a_cluster():
    records = [study_records()[0].model_copy(update={"status": Status.FAILED, "error": "x"})]
    drawing = draw_course(table.to_frame(records), (), order=OPERATORS)
    assert "cluster" not in texts(drawing.svg)
    assert "A red edge: without a valid result." in drawing.caption
    assert draw_course(table.to_frame([record()]), (), order=OPERATORS) is None


@pytest.mark.parametrize(
    ("price", "axis"),
    [(None, "cost of a valid result [node-seconds]"), (3.6, "cost of a valid result [USD]")],
)
def test_cost_stands_against_time_on_the_line_of_each_size(price, axis):
    analysis = analyse(table.to_frame(study_records()))
    costs = cost_by_operator(analysis, node_usd_per_hour=price)
    drawing = draw_cost(analysis.summary, costs, order=OPERATORS, is_simulated=False)
    written = texts(drawing.svg)
    assert {axis, "1 node", "2 nodes", "MPI Operator", "Indexed Job"} <= set(written)
    assert costs.price in drawing.caption


def test_the_map_names_the_node_whose_runs_lie_farthest_away():
    def run(place, nodes, loop_s):
        return record(
            point_id=f"p-{place}", order_index=place, node_names=nodes, loop_time_s=loop_s
        )

    pairs = [("a", "b"), ("a", "c"), ("b", "c"), ("c", "slow"), ("a", "slow"), ("b", "a")]
    records = [
        run(place, pair, 2.2 if "slow" in pair else 2.0)
        for place, pair in enumerate(pairs, start=1)
    ]
    runs = cells.counted(table.to_frame(records))
    drawing = draw_nodes(runs, QUANTITIES["loop_time_s"], order=OPERATORS)
    assert "Farthest: slow, +10.0 %." in drawing.caption
    assert "loop time against its cell's median [%]" in texts(drawing.svg)
