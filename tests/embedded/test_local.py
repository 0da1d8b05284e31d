from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from include import clusters, k8s_operators
from include.checks import Outcome
from include.embedded import (
    flux_view,
    image,
    local_cluster,
    machine,
    packages,
    paths,
    ports,
    programs,
    state,
)
from include.errors import ClusterError, StudyError
from include.models import Study

LOCAL = clusters.load("local")


@pytest.fixture
def reservation():
    return LOCAL.reserve(Study(nodes=(1, 2)), study_id="s-1")


def test_a_reservation_has_a_namespace_and_an_end(reservation):
    assert reservation.namespace == "s-1"
    assert reservation.nodes == 2
    assert reservation.options["nodes"] == 2


def test_more_nodes_than_the_cluster_has_are_refused():
    with pytest.raises(StudyError, match="study asks for 4 nodes, the local cluster has 2"):
        LOCAL.reserve(Study(nodes=(1, 4)), study_id="s-1")
    bigger = Study(nodes=(1, 4), cluster_options={"nodes": 4})
    assert LOCAL.reserve(bigger, study_id="s-1").nodes == 4


def test_a_pod_that_no_node_has_room_for_is_refused(reservation, monkeypatch):
    here = machine.Machine(cores=(0, 1), all_cores=(0, 1), memory_mib=4000)
    monkeypatch.setattr(machine, "this_machine", lambda: here)
    (fits,) = LOCAL.room(reservation, {"cpu": "1", "memory": "1900Mi", "ephemeral-storage": "1Gi"})
    assert fits.outcome is Outcome.PASSED
    (refused,) = LOCAL.room(reservation, {"cpu": "1500m", "vendor.com/card": "1"})
    assert refused.outcome is Outcome.FAILED
    assert "cpu 1500m of 1, vendor.com/card 1 of 0 that a node has for pods" in refused.finding


def test_ranks_that_cannot_each_have_a_core_are_not_bound(monkeypatch):
    here = machine.Machine(cores=(0, 1, 2, 3), all_cores=(0, 1, 2, 3), memory_mib=4000)
    monkeypatch.setattr(machine, "this_machine", lambda: here)
    with pytest.raises(StudyError, match="binding core: 3 ranks on a node of 2 cores; lower"):
        LOCAL.reserve(Study(binding="core", ranks_per_node=3), study_id="s-1")
    for study in (
        Study(binding="core", ranks_per_node=2),
        Study(binding="none", ranks_per_node=3),
        Study(binding="numa", ranks_per_node=3),
        Study(binding="core", ranks_per_node=3, cluster_options={"nodes": 5}),  # all share all
    ):
        assert LOCAL.reserve(study, study_id="s-1").study_id == "s-1"


@pytest.mark.parametrize(("ranks", "notes"), [(2, 0), (3, 1)])
def test_ranks_that_share_cores_are_told_to_the_reader(reservation, monkeypatch, ranks, notes):
    here = machine.Machine(cores=(0, 1, 2, 3), all_cores=(0, 1, 2, 3), memory_mib=4000)
    monkeypatch.setattr(machine, "this_machine", lambda: here)
    current = state.ClusterState.of(reservation, api_address="10.99.0.1", notes=())
    monkeypatch.setattr(local_cluster, "wait_ready", lambda **_: current)
    built = image.BuiltImage(reference="a:1", digest="b", pause_reference="c:1", size_bytes=1)
    monkeypatch.setattr(image, "built", lambda: built)
    handle = LOCAL.wait_ready(reservation, Study(ranks_per_node=ranks))
    assert handle.image == "a:1"
    assert len(handle.notes) == notes
    assert all("3 ranks share a node's 2 cores" in note for note in handle.notes)


VIEW = flux_view.FluxView(
    key="k", source="view.tar", reference="docker.io/local/flux-view:k", digest="d", version="1"
)
FLUX = {"operators": ("flux_operator",)}


@pytest.fixture
def flux_at_hand(monkeypatch, tmp_path):
    found = programs.Located(path=tmp_path, version="v1", is_built_here=False)
    monkeypatch.setattr(programs, "find", lambda *_, **__: found)
    monkeypatch.setattr(flux_view, "at_hand", lambda _: VIEW)


def test_flux_is_run_where_its_program_and_a_view_are_at_hand(flux_at_hand):
    assert LOCAL.reserve(Study(**FLUX), study_id="s-1").study_id == "s-1"


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        (programs, "find", "no program flux-operator: put it on PATH"),
        (flux_view, "at_hand", "no view image of Flux: bring one with `make flux VIEW="),
    ],
)
def test_flux_without_one_of_the_two_is_refused(flux_at_hand, monkeypatch, module, name, message):
    monkeypatch.setattr(module, name, lambda *_, **__: None)
    with pytest.raises(StudyError, match=f"flux_operator cannot run on the local .*{message}"):
        LOCAL.reserve(Study(**FLUX), study_id="s-1")


def test_a_view_that_the_nodes_do_not_have_is_refused(flux_at_hand):
    study = Study(**FLUX, operator_options={"flux_operator": {"view_image": "other:1"}})
    with pytest.raises(StudyError, match="view_image other:1: the nodes have docker.io/local"):
        LOCAL.reserve(study, study_id="s-1")


def test_more_ranks_than_cores_are_refused_under_flux_alone(flux_at_hand, monkeypatch):
    here = machine.Machine(cores=(0, 1, 2, 3), all_cores=(0, 1, 2, 3), memory_mib=4000)
    monkeypatch.setattr(machine, "this_machine", lambda: here)
    monkeypatch.setattr(machine, "physical_cores", lambda *_, **__: 2)
    with pytest.raises(StudyError, match="flux_operator: 3 ranks on a node of 2 physical cores"):
        LOCAL.reserve(Study(**FLUX, ranks_per_node=3), study_id="s-1")
    over_mpi = Study(operators=("mpi_operator",), ranks_per_node=3)
    assert LOCAL.reserve(over_mpi, study_id="s-1").study_id == "s-1"


def test_a_manifest_that_cannot_be_had_is_known_before_the_cluster_is_made(
    flux_at_hand, monkeypatch, tmp_path
):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    controller = k8s_operators.load("flux_operator").controller

    def offline(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    reservation = LOCAL.reserve(Study(**FLUX), study_id="s-1")
    program, manifest = LOCAL.controller_check(reservation, controller)
    assert program.outcome is Outcome.PASSED
    assert manifest.outcome is Outcome.FAILED
    assert "Name or service not known" in manifest.finding


def test_an_image_that_the_nodes_do_not_have_is_refused():
    with pytest.raises(StudyError, match="image app:1: the local cluster's nodes have .* none"):
        LOCAL.reserve(Study(image="app:1"), study_id="s-1")
    own = Study(image=image.reference())
    assert LOCAL.reserve(own, study_id="s-1").study_id == "s-1"


@pytest.mark.parametrize("named", [None, image.reference()])
def test_an_mpi_that_the_images_applications_lack_is_refused(named):
    study = Study(mpi_implementation="openmpi", image=named)
    with pytest.raises(StudyError, match="mpi_implementation openmpi: .* are built for mpich"):
        LOCAL.reserve(study, study_id="s-1")


@pytest.mark.parametrize("options", [{"nodes": 0}, {"node": 2}, {"nodes": "many"}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValidationError):
        LOCAL.reserve(Study(cluster_options=options), study_id="s-1")


def test_without_root_it_is_said_what_to_do(reservation, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="run it as root"):
        LOCAL.preflight(reservation)
    assert LOCAL.leftovers(reservation) == ()


def test_what_is_not_built_stops_the_preflight(reservation, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "missing", tuple)
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    with pytest.raises(ClusterError, match="make setup"):
        LOCAL.preflight(reservation)


def test_the_preflight_looks_at_ports_last(reservation, monkeypatch, tmp_path):
    def taken():
        raise ClusterError("port 53 is in use")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "missing", tuple)
    monkeypatch.setattr("include.embedded.binaries.binary", lambda name: name)
    monkeypatch.setattr(image, "built", lambda: None)
    monkeypatch.setattr("include.embedded.network.require_free_range", lambda: None)
    monkeypatch.setattr(ports, "require_free", taken)
    monkeypatch.setenv("OPERATOR_BENCHMARK_STATE", str(tmp_path))
    with pytest.raises(ClusterError, match="port 53"):
        LOCAL.preflight(reservation)


def test_a_cluster_that_is_not_there_cannot_be_reached(reservation, monkeypatch, tmp_path):
    monkeypatch.setenv("OPERATOR_BENCHMARK_STATE", str(tmp_path))
    with pytest.raises(ClusterError, match="study s-1 has no cluster on this machine"):
        LOCAL.connect(reservation)


def test_the_state_is_one_per_machine_for_root_and_the_users_own_else(monkeypatch, tmp_path):
    monkeypatch.delenv("OPERATOR_BENCHMARK_STATE", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert paths.state_root() == paths.ROOT_STATE
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert paths.state_root() == tmp_path / "operator-benchmark"
