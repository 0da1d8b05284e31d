"""The last look before money is spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include import clusters
from include.checks import Check, Outcome, failed, passed, require, table, unknown
from include.cost.gate import gate
from include.errors import ClusterBusy, ClusterError
from include.k8s_operators import K8sOperator
from include.results import Results
from include.study import preflight, steps
from include.study.plan import read_study, reserve
from include.study.preflight import Preflight
from tests.fakes.studies import small_study
from tests.plans import estimate_of, make_plan


@pytest.fixture
def params(tmp_path):
    """A study whose jobs nobody knows: each counts with its time limit."""
    return small_study(tmp_path, nodes=2)


def checks_of(params):
    plan = make_plan(read_study(params), study_id="demo-1")
    return gate(plan.study, estimate_of(plan))


def look_at(plan):
    return preflight.look(plan, reserve(plan.study, study_id=plan.study_id))


def planned(params):
    address = steps.plan_study(
        params,
        run_id="run",
        locate=lambda address: Path(address.removeprefix("file://")),
        most_phases=2,
        most_points=9,
    ).results
    return Results(Path(address.removeprefix("file://")))


def test_what_was_looked_at_is_stored_logged_and_returned(params, caplog):
    params["cluster_options"]["hourly_price_usd"] = 3.6
    results = planned(params)
    with caplog.at_level("INFO", "include"):
        found = preflight.preflight(results)
    assert found.is_ready
    assert Preflight.model_validate_json(results.read_bytes("preflight.json")) == found
    assert found.tariff.node_usd_per_hour == 3.6
    logged = "\n".join(caplog.messages)
    assert "cluster fake  ok" in logged
    assert "8 points, at most" in logged
    assert "phase 2: indexed_job" in logged
    assert len(json.dumps(found.to_json())) < 4000  # it goes through an XCom


def test_a_cluster_that_cannot_be_made_stops_the_study_and_is_stored(params):
    params["cluster_options"]["fail"] = ["preflight"]
    results = planned(params)
    with pytest.raises(ClusterError, match="cluster fake: .*preflight was told to fail"):
        preflight.preflight(results)
    stored = Preflight.model_validate_json(results.read_bytes("preflight.json"))
    assert not stored.is_ready


def test_pods_that_fit_no_node_stop_the_study(params, monkeypatch):
    asked = []

    def room(self, reservation, pod_resources):
        asked.append(pod_resources)
        return (failed("pod resources", "cpu 96 of 95", remedy="lower pod_resources"),)

    monkeypatch.setattr(type(clusters.load("fake")), "room", room)
    params["pod_resources"] = {"cpu": "96"}
    with pytest.raises(ClusterError, match="pod resources: cpu 96 of 95; lower pod_resources"):
        preflight.preflight(planned(params))
    assert asked == [{"cpu": "96"}]


def test_room_that_cannot_be_looked_at_stops_nothing_and_is_said(params, monkeypatch):
    def room(self, reservation, pod_resources):
        raise ClusterError("no answer")

    monkeypatch.setattr(type(clusters.load("fake")), "room", room)
    found = preflight.preflight(planned(params))
    (row,) = [check for check in found.checks if check.name == "pod resources"]
    assert (row.outcome, row.finding) == (Outcome.UNKNOWN, "no answer")


@pytest.mark.parametrize(
    ("study", "outcome"),
    [
        ({"operators": ["flux_operator"], "ranks_per_node": 5}, Outcome.FAILED),
        ({"operators": ["flux_operator"], "ranks_per_node": 4}, Outcome.PASSED),
        ({"ranks_per_node": 5, "binding": "core"}, Outcome.FAILED),
        ({"ranks_per_node": 4, "binding": "core"}, Outcome.PASSED),
        ({"ranks_per_node": 5}, None),
    ],
)
def test_ranks_that_get_no_core_of_their_own_stop_a_study_that_wants_it(
    params, monkeypatch, study, outcome
):
    monkeypatch.setattr(type(clusters.load("fake")), "cores_per_node", lambda *_: 4)
    found = look_at(planned({**params, **study}).plan())
    rows = [check.outcome for check in found.checks if check.name == "cores"]
    assert rows == ([outcome] if outcome else [])


def test_images_that_workers_pull_are_looked_at_with_those_of_launchers(params, monkeypatch):
    asked = []

    def image_checks(self, reservation, images):
        asked.extend(images)
        return (passed("images", "near"),)

    monkeypatch.setattr(type(clusters.load("fake")), "image_checks", image_checks)
    view = {"flux_operator": {"view_image": "registry.test/view:1"}}
    study = {"operators": ["flux_operator", "mpi_operator"], "image": "registry.test/lammps:1"}
    found = look_at(planned({**params, **study, "operator_options": view}).plan())
    assert asked == ["registry.test/lammps:1", "registry.test/view:1"]
    assert "images" in [check.name for check in found.checks]


def test_a_study_above_its_budget_is_stopped(params):
    params["cluster_options"]["hourly_price_usd"] = 3.6
    params["max_usd"] = 2.0
    with pytest.raises(ClusterError, match=r"cost: at most \$10.07, max_usd is \$2.00; ask for"):
        preflight.preflight(planned(params))
    params["max_usd"] = 11.0
    assert preflight.preflight(planned(params)).is_ready


def test_a_dear_study_names_the_most_that_it_may_cost(params):
    params["cluster_options"]["hourly_price_usd"] = 36.0
    with pytest.raises(ClusterError, match=r"cost: at most \$100\.7.*sets no max_usd; name the"):
        preflight.preflight(planned(params))


def test_a_study_that_cannot_end_in_time_is_stopped():
    study = read_study({"cluster": "simulated", "repeats": 99, "ttl_hours": 0.1})
    _, duration = gate(study, estimate_of(make_plan(study, study_id="demo-1")))
    assert duration.outcome is Outcome.FAILED
    assert "raise ttl_hours" in duration.remedy


def test_time_limits_alone_do_not_stop_a_study(params):
    _, duration = checks_of({**params, "ttl_hours": 0.1})
    assert duration.outcome is Outcome.UNKNOWN


def test_a_budget_without_a_price_is_said_not_to_be_held(params):
    cost, _ = checks_of({**params, "max_usd": 5})
    assert cost.outcome is Outcome.UNKNOWN
    assert "hourly_price_usd" in cost.remedy
    cost, _ = checks_of(params)
    assert cost.outcome is Outcome.PASSED


def test_the_most_that_a_forgotten_cluster_costs_is_said(params):
    params["cluster_options"]["hourly_price_usd"] = 3.0
    _, duration = checks_of(params)
    assert (
        "a cluster left alone until then: $24.10" in duration.finding
    )  # 2 nodes, 4 h and a minute


def test_only_a_failed_check_stops():
    checks = (passed("a", "fine"), unknown("b", "could not look"))
    require(checks)
    bad = failed("c", "wrong", remedy="mend it")
    with pytest.raises(ClusterError, match="^c: wrong; mend it$"):
        require((*checks, bad))
    assert table((*checks, bad)) == (
        "a  ok         fine",
        "b  not known  could not look",
        "c  FAILED     wrong",
        "              → mend it",
    )
    assert table(()) == ()
    assert Check.model_validate(bad.to_json()) == bad


def test_another_study_on_the_cluster_is_something_to_wait_for_and_anything_else_is_not(
    params, monkeypatch
):
    results = planned(params)
    cluster = type(clusters.load("fake"))

    def taken(self, reservation):
        raise ClusterBusy("study other-1 is running")

    monkeypatch.setattr(cluster, "preflight", taken)
    with pytest.raises(ClusterBusy, match="cluster fake: study other-1 is running"):
        preflight.preflight(results)
    assert not Preflight.model_validate_json(results.read_bytes("preflight.json")).is_ready
    params["max_usd"] = 0
    params["cluster_options"]["hourly_price_usd"] = 3.6
    with pytest.raises(ClusterError) as caught:
        preflight.preflight(planned(params))
    assert not isinstance(caught.value, ClusterBusy)


def test_a_controller_that_cannot_be_had_stops_the_study(params, monkeypatch):
    params["operators"] = ["mpi_operator", "indexed_job"]
    asked = []

    def check(self, reservation, controller):
        asked.append(controller.name)
        raise ClusterError("no manifest")

    monkeypatch.setattr(type(clusters.load("fake")), "controller_check", check)
    plan = make_plan(read_study(params), study_id="demo-1")
    found = look_at(plan)
    assert asked == ["mpi-operator"]  # the other one has no controller
    assert not found.is_ready
    assert "no manifest" in found.text


@pytest.mark.parametrize(
    ("versions", "asked_for"), [(["pinned", "v0.8.0"], ["mpi-operator"]), ("v0.8.0", [])]
)
def test_only_a_study_that_exchanges_versions_is_asked_for_the_rights_to_that(
    params, monkeypatch, versions, asked_for
):
    params["operators"] = ["mpi_operator", "indexed_job"]
    params["operator_options"] = {"mpi_operator": {"controller": versions}}
    asked = []

    def check(self, reservation, controller):
        asked.append(controller.name)
        return (failed("rights: versions", "may not delete leases"),)

    monkeypatch.setattr(type(clusters.load("fake")), "exchange_check", check)
    plan = make_plan(read_study(params), study_id="demo-1")
    found = look_at(plan)
    assert asked == asked_for
    assert ("may not delete leases" in found.text) is bool(asked_for)
    assert found.is_ready is (not asked_for)


@pytest.mark.parametrize(("cores", "ready"), [(2, True), (1, False), (None, True)])
def test_more_ranks_than_cores_stop_a_study_of_an_operator_that_never_runs_them(
    params, monkeypatch, cores, ready
):
    params["ranks_per_node"] = 2
    monkeypatch.setattr(type(clusters.load("fake")), "cores_per_node", lambda *_: cores)
    plan = make_plan(read_study(params), study_id="demo-1")
    assert look_at(plan).is_ready
    monkeypatch.setattr(K8sOperator, "needs_core_per_rank", True)
    found = look_at(plan)
    assert found.is_ready is ready
    assert ("it never runs them" in found.text) is not ready
