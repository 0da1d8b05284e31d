"""What a study will take and cost, before anything exists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include import applications, clusters
from include.cost.estimate import duration_text, usd_text
from include.models import Design, NodeOrder, Study
from include.tariff import Tariff
from tests.plans import estimate_of, estimate_study, make_plan

RUN_6 = Study(
    cluster="simulated",
    operators=("mpi_operator", "indexed_job"),
    application_options={"x": 64, "y": 16, "z": 16},
    nodes=(8, 16, 32, 64),
    ranks_per_node=94,
    repeats=20,
    warmups=0,
    cluster_options={"time_scale": 1.0, "hourly_price_usd": 2.88},
)
# Medians of run 6 over both operators, seconds by ranks.
RUN_6_LOOP_TIME_S = {752: 73.0, 1504: 42.6, 3008: 26.5, 6016: 18.5}


@pytest.mark.parametrize("cluster", clusters.available())
def test_every_cluster_has_an_estimate(cluster):
    image = None if cluster == "local" else "example.org/lammps@sha256:1"  # local has its own
    estimate = estimate_study(Study(cluster=cluster, image=image))
    assert estimate.points == 16
    assert estimate.duration_s == pytest.approx(sum(part.duration_s for part in estimate.parts))
    assert estimate.duration_s > 0
    assert estimate.sentence().startswith("16 points, about ")


@pytest.mark.parametrize(("ranks", "loop_time_s"), RUN_6_LOOP_TIME_S.items())
def test_the_expected_loop_time_is_that_of_run_6(ranks, loop_time_s):
    lammps = applications.load("lammps")
    options = lammps.read_options(RUN_6.application_options)
    expected = lammps.expected_run_time_s(options, ranks=ranks)
    assert expected == pytest.approx(loop_time_s, rel=0.04)


def test_the_parts_are_priced_and_sum_up():
    estimate = estimate_study(RUN_6)
    names = [part.name for part in estimate.parts]
    assert names == [
        "create the cluster",
        "phase 1: mpi_operator",
        "phase 2: indexed_job",
        "end the workers",
        "delete the cluster",
    ]
    assert estimate.nodes == 65  # the launcher's too
    assert estimate.usd_per_hour == pytest.approx(65 * 2.88)
    *before, delete = estimate.parts
    assert sum(part.usd for part in before) == pytest.approx(
        187.2 * sum(part.duration_s for part in before) / 3600
    )
    assert (delete.nodes, delete.usd) == (1, pytest.approx(2.88 * delete.duration_s / 3600))
    assert estimate.usd_at_expiry == pytest.approx(187.2 * 4, rel=0.01)
    assert not estimate.is_upper_bound


def test_creating_is_priced_with_the_nodes_that_are_there_then(monkeypatch):
    cluster = clusters.load("simulated")
    reservation = cluster.reserve(RUN_6, study_id="demo-1")
    pace = cluster.pace(reservation).model_copy(
        update={"nodes_while_creating": 1, "create_s": 3600.0, "join_s": 1800.0, "pull_s": 360.0}
    )
    monkeypatch.setattr(type(cluster), "pace", lambda *_: pace)
    tariff = Tariff(nodes=65, node_usd_per_hour=2.88, other_usd_per_hour=0.145, source="test")
    plan = make_plan(RUN_6, study_id="demo-1")
    create, join, pull, *_ = estimate_of(plan, tariff=tariff).parts
    assert (create.nodes, create.usd) == (1, pytest.approx(2.88 + 0.145))
    assert (join.nodes, join.usd) == (65, pytest.approx((187.2 + 0.145) / 2))
    assert (pull.name, pull.usd) == ("pull the image", pytest.approx((187.2 + 0.145) / 10))


def test_without_a_price_there_is_a_duration_only():
    estimate = estimate_study(RUN_6.model_copy(update={"cluster_options": {}}))
    assert estimate.usd is estimate.usd_per_hour is estimate.usd_at_expiry is None
    assert estimate.sentence().endswith("at no known price")
    assert "none is known" in estimate.basis[0]


@pytest.mark.parametrize(
    ("options", "loop_time_s"), [({}, 43.54), ({"run_s": 3.0}, 3.0), ({"time_scale": 0.1}, 43.54)]
)
def test_a_simulated_job_is_expected_to_take_what_will_be_played(options, loop_time_s):
    small = {"application_options": {"x": 1, "y": 1, "z": 1}, "nodes": (16,), "repeats": 1}
    given = {"nodes": 16, "start_s": 0.0, "pull_s": 0.0, "time_scale": 1.0, **options}
    study = RUN_6.model_copy(update=small | {"cluster_options": given})
    phase = estimate_study(study).parts[1]
    assert phase.duration_s == pytest.approx(8 + 5 + given["time_scale"] * (10 + loop_time_s))
    assert "that the cluster plays" in estimate_study(study).basis[2]


def test_an_application_that_nobody_knows_counts_with_its_time_limit(monkeypatch):
    cluster = clusters.load("simulated")
    pace = cluster.pace(cluster.reserve(RUN_6, study_id="demo-1"))
    silent = pace.model_copy(update={"run_times_s": {}})
    monkeypatch.setattr(type(cluster), "pace", lambda *_: silent)
    lammps = type(applications.load("lammps"))
    monkeypatch.setattr(lammps, "expected_run_time_s", lambda *_, **__: None)
    monkeypatch.setattr(lammps, "expectation", None)
    estimate = estimate_study(RUN_6.model_copy(update={"point_timeout_s": 100.0}))
    assert estimate.is_upper_bound
    assert estimate.duration_s > 160 * 100
    assert "at most" in estimate.sentence()
    assert "time limit" in estimate.basis[2]


def test_no_point_is_expected_to_outlive_its_time_limit():
    short = estimate_study(RUN_6.model_copy(update={"point_timeout_s": 1.0}))
    assert short.duration_s < 160 * 7 + 60


@given(
    repeats=st.integers(1, 20),
    price=st.floats(0, 100),
    limit=st.floats(1, 7200),
    seed=st.integers(),
)
def test_more_repeats_never_take_less_or_cost_less(repeats, price, limit, seed):
    changes = {
        "point_timeout_s": limit,
        "cluster_options": {"hourly_price_usd": price, "time_scale": 0.5},
        "seed": seed,
    }
    study = RUN_6.model_copy(update=changes)
    less = estimate_study(study.model_copy(update={"repeats": repeats}))
    more = estimate_study(study.model_copy(update={"repeats": repeats + 1}))
    assert more.duration_s > less.duration_s
    assert more.usd >= less.usd
    assert more.usd == pytest.approx(sum(part.usd for part in more.parts))


def test_the_table_has_a_row_per_part_and_the_total():
    lines = estimate_study(RUN_6).lines()
    assert len(lines) == 6
    assert lines[-1].startswith("total")
    assert "65 nodes" in lines[-1]
    assert "$" in lines[-1]


def test_durations_and_money_for_people():
    assert [duration_text(s) for s in (45, 720, 11100)] == ["45 s", "12 min", "3 h 05 min"]
    assert [usd_text(d) for d in (0.0042, 12.3, 1498)] == ["$0.0042", "$12.30", "$1,498"]


LEAN = RUN_6.model_copy(
    update={
        "design": Design.INTERLEAVED,
        "node_order": NodeOrder.DESCENDING,
        "spare_nodes": 2,
        "repeats_min": 6,
    }
)


def test_nodes_that_are_given_back_are_paid_no_longer():
    parts = {part.name: part.nodes for part in estimate_study(LEAN).parts}
    assert {name: nodes for name, nodes in parts.items() if "operators" not in name} == {
        "create the cluster": 65,
        "64 nodes: mpi_operator, indexed_job": 65,
        "give 30 nodes back": 65,
        "32 nodes: mpi_operator, indexed_job": 35,
        "give 16 nodes back": 35,
        "16 nodes: mpi_operator, indexed_job": 19,
        "give 8 nodes back": 19,
        "8 nodes: mpi_operator, indexed_job": 11,
        "end the workers": 11,
        "delete the cluster": 1,
    }


def test_repeats_that_may_not_be_needed_make_the_estimate_a_range():
    estimate = estimate_study(LEAN)
    assert (estimate.points_least, estimate.points) == (48, 160)
    assert estimate.usd_least < estimate.usd
    assert estimate.sentence().startswith("48 to 160 points, about ")
    assert f"{usd_text(estimate.usd_least)} to {usd_text(estimate.usd)}" in estimate.sentence()
    assert "not needed" in estimate.basis[-1]
    assert estimate_study(RUN_6).points_least == 160
