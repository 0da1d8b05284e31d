from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.cost.cells import by_cell, launching_node_s
from include.models import Status
from include.tariff import Tariff
from tests.records import record

START = datetime(2026, 1, 1, tzinfo=UTC)
PRICE = Tariff(nodes=9, node_usd_per_hour=3.6, source="test")


def run(index, *, lasted_s=10.0, **changes):
    base = {
        "point_id": f"p{index}",
        "order_index": index,
        "k8s_operator": "flux_operator",
        "nodes": 8,
        "ranks": 8,
        "created_at": START,
        "deleted_at": START + timedelta(seconds=lasted_s),
        "launcher_time_s": 5.0,
        "loop_time_s": 4.0,
    }
    return record(**base | changes)


def test_a_valid_result_bears_the_warm_ups_and_failures_of_its_cell():
    failed = {"status": Status.FAILED, "loop_time_s": None, "launcher_time_s": None, "error": "x"}
    (cell,) = by_cell([run(1, is_warmup=True), run(2, **failed), run(3), run(4)], tariff=PRICE)
    assert (cell.operator, cell.nodes, cell.runs, cell.valid) == ("flux_operator", 8, 4, 2)
    assert cell.node_s == 8 * 40
    assert cell.node_s_per_valid == 160
    assert cell.usd_per_valid == pytest.approx(0.16)


def test_operators_variants_and_sizes_are_cells_of_their_own():
    runs = [run(1), run(2, nodes=16), run(3, k8s_operator="mpi_operator"), run(4, variant="v2")]
    assert [(cell.operator, cell.nodes) for cell in by_cell(runs, tariff=None)] == [
        ("flux_operator", 8),
        ("flux_operator", 16),
        ("mpi_operator", 8),
        ("flux_operator v2", 8),
    ]


def test_a_cell_without_a_valid_result_or_a_price_names_none():
    (cell,) = by_cell([run(1, is_warmup=True)], tariff=PRICE)
    assert (cell.node_s_per_valid, cell.usd_per_valid) == (None, None)
    (cell,) = by_cell([run(1)], tariff=None)
    assert (cell.node_s_per_valid, cell.usd_per_valid) == (80, None)


def test_launchers_at_work_are_counted_in_valid_repeats_as_long_as_they_were_played():
    runs = [run(1), run(2, is_warmup=True), run(3, time_scale=0.5, simulated=True)]
    assert launching_node_s(runs) == 8 * 5 + 8 * 2.5
