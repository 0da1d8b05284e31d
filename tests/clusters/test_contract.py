"""What every cluster adapter must hold: before anything is made, and from `create` to `delete`."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from include import clusters
from include.clusters import PRICE
from include.errors import StudyError
from include.kube.client import Kube
from include.models import Reservation, Study
from tests.kube.api_server import serving

STUDY_ID = "demo-1234abcd"
IMAGE = "registry.test/lammps@sha256:" + "c" * 64
# Their lives need root, built programs or moto: tests/system and tests/dags have them.
ELSEWHERE = ("eks", "local", "simulated")


@pytest.fixture(params=clusters.available())
def cluster(request):
    return clusters.load(request.param)


@pytest.fixture
def study(cluster):
    """A study of one node; `local` has an image of its own and refuses any other."""
    try:
        wanted = Study(cluster=cluster.name, nodes=(1,), image=IMAGE)
        cluster.reserve(wanted, study_id=STUDY_ID)
    except StudyError:
        wanted = Study(cluster=cluster.name, nodes=(1,))
    return wanted


@pytest.fixture
def reservation(cluster, study):
    return cluster.reserve(study, study_id=STUDY_ID)


@pytest.fixture
def _no_programs(monkeypatch):
    """Let no program be started; connections are refused in every test that is not marked."""

    def refuse(*command, **_):
        pytest.fail(f"a program is started: {command}")

    monkeypatch.setattr(subprocess, "Popen", refuse)


def test_it_goes_by_its_modules_name_and_has_a_title(cluster):
    assert type(cluster).__module__ == f"include.clusters.{cluster.name}"
    assert cluster.title


@pytest.mark.usefixtures("_no_programs")
def test_a_reservation_names_the_cluster_and_touches_nothing(cluster, study, reservation):
    assert reservation.cluster == cluster.name
    assert reservation.study_id == STUDY_ID
    assert reservation.nodes >= max(study.nodes)
    assert reservation.expires_at > datetime.now(UTC)


def test_a_second_reservation_has_the_same_names(cluster, study, reservation):
    again = cluster.reserve(study, study_id=STUDY_ID)
    assert again.model_copy(update={"expires_at": reservation.expires_at}) == reservation


def test_a_reservation_comes_back_from_json(reservation):
    assert Reservation.model_validate(reservation.to_json()) == reservation


def test_an_option_that_it_does_not_have_is_refused(cluster, study):
    wrong = study.model_copy(update={"cluster_options": {"no_such_option": 1}})
    with pytest.raises((ValidationError, StudyError)):
        cluster.reserve(wrong, study_id=STUDY_ID)


def test_the_options_of_a_reservation_are_read_once(cluster, reservation, monkeypatch):
    read = []
    monkeypatch.setattr(cluster, "_bound", None)
    monkeypatch.setattr(cluster, "read_options", lambda given: read.append(given) or given)
    again = reservation.model_copy(update={"expires_at": datetime.now(UTC)})
    other = reservation.model_copy(update={"options": {"another": 1}})
    for each in (reservation, again, other, other):
        assert cluster.options_of(each) == each.options
    assert read == [reservation.options, other.options]


@pytest.mark.usefixtures("_no_programs")
def test_pace_says_where_it_is_from_and_touches_nothing(cluster, reservation):
    pace = cluster.pace(reservation)
    assert pace.source
    assert pace.create_s + pace.join_s > 0


@pytest.mark.usefixtures("_no_programs")
def test_every_node_that_carries_ranks_is_paid_for(cluster, reservation):
    assert cluster.paid_nodes(reservation) >= reservation.nodes


@pytest.mark.usefixtures("_no_programs")
def test_the_studys_own_price_is_the_tariff(cluster, study):
    if PRICE not in cluster.options.model_fields:
        pytest.skip(f"{cluster.name} knows its prices itself")
    priced = study.model_copy(update={"cluster_options": {PRICE: 1.5}})
    tariff = cluster.tariff(cluster.reserve(priced, study_id=STUDY_ID))
    assert tariff.node_usd_per_hour == 1.5
    assert tariff.usd_per_hour > 0
    assert tariff.source


@pytest.fixture(params=[name for name in clusters.available() if name not in ELSEWHERE])
def reached(request, monkeypatch):
    """A cluster whose API server, whatever the kubeconfig, is one in memory with two nodes."""
    with serving() as (state, kube):
        monkeypatch.setattr(
            Kube, "from_kubeconfig", lambda *_, namespace, **__: kube.in_namespace(namespace)
        )
        for name in ("node-1", "node-2"):
            labels = {"kubernetes.io/hostname": name}
            node = {"metadata": {"name": name, "labels": labels}, "spec": {}}
            state.put(f"/api/v1/nodes/{name}", node)
        yield clusters.load(request.param)


@pytest.mark.sockets
def test_its_life_may_be_repeated_at_each_step_and_leaves_nothing(reached):
    study = Study(cluster=reached.name, nodes=(1,), image=IMAGE)
    reservation = reached.reserve(study, study_id=STUDY_ID)
    reached.preflight(reservation)
    for _ in range(2):
        reached.create(reservation, study)
    handle = reached.wait_ready(reservation, study)
    assert Reservation.model_validate(handle.to_json() | {}, extra="ignore") == reservation
    assert handle.kubernetes_version
    assert handle.image
    assert reached.wait_ready(reservation, study) == handle
    kube = reached.connect(reservation)
    assert kube.namespace == reservation.namespace
    assert reached.leftovers(reservation) != ()
    for _ in range(2):
        reached.delete(reservation)
    assert reached.leftovers(reservation) == ()


@pytest.mark.sockets
def test_what_was_never_made_can_be_deleted(reached):
    study = Study(cluster=reached.name, nodes=(1,), image=IMAGE)
    reservation = reached.reserve(study, study_id=STUDY_ID)
    reached.delete(reservation)
    assert reached.leftovers(reservation) == ()
