from __future__ import annotations

import http.client
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from include import clusters, k8s_operators
from include.checks import Outcome
from include.embedded import credentials, probe
from include.embedded import programs as embedded_programs
from include.embedded.certificates import Authority, Identity
from include.embedded.credentials import Trust
from include.embedded.layout import LOOPBACK
from include.errors import ClusterError, StudyError
from include.kube.kinds import Rate
from include.models import NodeChoice, Study
from include.simulation import cluster, controllers, gates, nodes, programs, settings, stages
from include.simulation.log_server import LogServer
from include.simulation.plays import Plays
from tests.plans import make_plan

STUDY_ID = "demo-1234abcd"


def simulation(**options):
    study = Study(cluster="simulated", cluster_options=options, nodes=(2,))
    return settings.draw(study_id=STUDY_ID, namespace=STUDY_ID, study=study)


def test_nodes_are_those_of_run_6_and_only_the_launchers_is_tainted():
    found = nodes.objects(64)
    assert len(found) == 65
    launcher, *workers = found
    assert launcher["spec"]["taints"][0]["key"] == "launcher"
    assert all("taints" not in node["spec"] for node in workers)
    assert {node["metadata"]["labels"]["flux-operator"] for node in workers} == {"true"}
    assert workers[0]["status"]["allocatable"]["vpc.amazonaws.com/efa"] == "1"


def test_two_simulations_share_no_port():
    first = simulation()
    ports = [value for name, value in first.model_dump().items() if name.endswith("_port")]
    assert len(set(ports)) == len(ports) == 6


def test_notes_say_loudly_that_nothing_ran_and_that_time_was_shortened():
    said = " ".join(cluster.notes(simulation(time_scale=0.05)))
    assert "SIMULATED" in said
    assert "0.05" in said
    assert "shortened" not in " ".join(cluster.notes(simulation(time_scale=1)))


def test_stages_take_the_studys_durations(programs_and_stages):
    found = {stage["metadata"]["name"]: stage for stage in stages.of(simulation(start_s=4))}
    delay = found["simulated-pod-start"]["spec"]["delay"]
    assert delay == {"durationMilliseconds": 400, "jitterDurationMilliseconds": 600}


def test_a_faulty_point_is_left_out_of_starting(programs_and_stages):
    faults = {"mpi-operator-2n-r1": "worker_never_ready", "mpi-operator-2n-r2": "image_pull_error"}
    found = {stage["metadata"]["name"]: stage for stage in stages.of(simulation(faults=faults))}
    left_out = found["simulated-pod-start"]["spec"]["selector"]["matchExpressions"][-1]
    assert left_out["operator"] == "NotIn"
    assert left_out["values"] == [f"{STUDY_ID}-mpi-operator-2n-r{n}/1" for n in (1, 2)]
    assert "simulated-pod-image-error" in found


@pytest.fixture
def programs_and_stages(tmp_path, monkeypatch):
    heartbeat = tmp_path / "heartbeat.yaml"
    heartbeat.write_text("metadata: {name: heartbeat}\n")
    monkeypatch.setattr(stages, "module_file", lambda *_: heartbeat)


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValidationError, match="faults"):
        settings.Options.model_validate({"faults": {"x": "comet"}})


def test_more_nodes_than_there_are_is_a_study_error():
    study = Study(cluster="simulated", cluster_options={"nodes": 8}, nodes=(16,))
    with pytest.raises(StudyError, match="8 workers"):
        clusters.load("simulated").reserve(study, study_id=STUDY_ID)


def test_a_pod_that_no_simulated_node_has_room_for_is_refused():
    simulated = clusters.load("simulated")
    reservation = simulated.reserve(Study(cluster="simulated"), study_id=STUDY_ID)
    (fits,) = simulated.room(reservation, {"cpu": "94", "vpc.amazonaws.com/efa": "1"})
    assert fits.outcome is Outcome.PASSED
    (refused,) = simulated.room(reservation, {"cpu": "97"})
    assert refused.finding == "a pod asks for cpu 97 of 96 that a simulated node has for pods"


def test_a_controller_that_is_not_at_hand_has_no_program(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_programs.commands, "find", lambda _: None)
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    flux = k8s_operators.load("flux_operator").controller
    assert programs.find(flux, settings.Options()) is None
    with pytest.raises(ClusterError, match="there is no file /nowhere"):
        programs.find(flux, settings.Options(flux_operator="/nowhere"))


def arguments_of(program, folder, limits=programs.AS_IT_COMES):
    values = program.values(folder / "kubeconfig", config=folder / "config.yaml", limits=limits)
    return program.arguments(values, limits=limits)


def test_a_controllers_own_build_stands_in_its_version(tmp_path):
    binary = tmp_path / "flux-operator"
    binary.write_bytes(b"x")
    flux = k8s_operators.load("flux_operator").controller
    found = programs.find(flux, settings.Options(flux_operator=str(binary)))
    assert "binary sha256:2d711642b726" in found.version
    arguments = arguments_of(found, tmp_path)
    assert f"-health-probe-bind-address=127.0.0.1:{found.health_port}" in arguments


def test_the_version_that_go_wrote_into_a_controller_is_told(tmp_path):
    binary = tmp_path / "flux-operator"
    binary.write_bytes(b"\0mod\tgithub.com/flux-framework/flux-operator\tv0.0.0-2026-0d75\t\n")
    flux = k8s_operators.load("flux_operator").controller
    found = programs.find(flux, settings.Options(flux_operator=str(binary)))
    assert found.version.startswith("v0.0.0-2026-0d75, binary sha256:")


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (b"(devel)\nbuild\tvcs.revision=%s\nbuild\tvcs.modified=false\n" % (b"a1" * 20), "a1" * 20),
        (
            b"(devel)\nbuild\tvcs.revision=%s\nbuild\tvcs.modified=true\n" % (b"a1" * 20),
            "a1" * 20 + ", changed",
        ),
        (b"(devel)\n", "(devel), commit not in the binary"),
    ],
)
def test_a_controller_that_was_built_from_a_checkout_tells_its_commit(tmp_path, told, version):
    binary = tmp_path / "flux-operator"
    binary.write_bytes(b"\0mod\tgithub.com/flux-framework/flux-operator\t" + told)
    flux = k8s_operators.load("flux_operator").controller
    found = programs.find(flux, settings.Options(flux_operator=str(binary)))
    assert f"{version}, binary sha256:" in found.version


def test_program_from_elsewhere_gets_its_definition_and_role_from_the_pinned_manifest(
    tmp_path, monkeypatch
):
    flux = k8s_operators.load("flux_operator").controller
    (tmp_path / "flux-operator").write_bytes(b"x")
    program = programs.find(flux, settings.Options(flux_operator=str(tmp_path / "flux-operator")))
    wanted = [
        {"kind": "CustomResourceDefinition", "metadata": {"name": flux.crd_name}},
        {"kind": "ClusterRole", "metadata": {"name": flux.cluster_role}},
    ]
    others = [
        {"kind": "ClusterRole", "metadata": {"name": "somebody-elses"}},
        {"kind": "Deployment", "metadata": {"name": "operator-controller-manager"}},
    ]
    monkeypatch.setattr(
        embedded_programs.installation, "manifest", lambda *_, **__: [*others, *wanted]
    )
    namespace, *applied, binding = program.objects()
    assert namespace["metadata"]["name"] == "operator-system"
    name = "operator-benchmark:flux-operator"
    assert applied == [wanted[0], {"kind": "ClusterRole", "metadata": {"name": name}}]
    assert binding["roleRef"]["name"] == name
    assert binding["subjects"][0]["name"] == "operator-benchmark:flux-operator"
    monkeypatch.setattr(embedded_programs.installation, "manifest", lambda *_, **__: others)
    with pytest.raises(ClusterError, match="the manifest of flux-operator lacks one of"):
        program.objects()


def test_limits_of_a_controller_are_upstreams_unless_they_are_given(programs_built):
    mpi = programs.find(k8s_operators.load("mpi_operator").controller, settings.Options())
    assert not any("qps" in word for word in arguments_of(mpi, programs_built))
    limits = programs.Limits(client=Rate(qps=7, burst=8), queue=Rate(qps=9, burst=11))
    assert arguments_of(mpi, programs_built, limits=limits)[-4:] == [
        "-kube-api-qps=7",
        "-kube-api-burst=8",
        "-controller-queue-rate-limit=9",
        "-controller-queue-burst=11",
    ]


@pytest.fixture
def programs_built(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_programs.binaries, "binary", lambda name: tmp_path / name)
    return tmp_path


def test_scheduling_that_takes_longer_needs_somebody_who_ends_it():
    with pytest.raises(ValidationError, match="nobody would end the waiting"):
        settings.Options(schedule_s=3, plays=False)


def test_gate_of_a_pod_is_lifted_once(monkeypatch):
    lifted = []
    kube = SimpleNamespace(merge=lambda kind, name, change: lifted.append((name, change)))
    waiting = gates.Gates(kube, delay_s=0.0)
    pod = {"metadata": {"name": "a", "uid": "1"}, "spec": {"schedulingGates": [{"name": "g"}]}}
    for each in (pod, pod, {"metadata": {"name": "b"}, "spec": {}}):
        waiting.take(each)
    waiting.take({"metadata": {"name": "last", "uid": "2"}, "spec": pod["spec"]})
    waiting.start()
    while len(lifted) < 2:
        waiting.join(0.01)
    assert lifted == [(name, {"spec": {"schedulingGates": None}}) for name in ("a", "last")]


@pytest.mark.sockets
def test_the_port_that_the_mpi_operator_insists_on_is_named_when_taken(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        monkeypatch.setattr(controllers, "FIXED_HEALTH_PORT", taken.getsockname()[1])
        with pytest.raises(ClusterError, match="mpi-operator insists on port"):
            controllers.require_free_port(k8s_operators.load("mpi_operator").controller)


@pytest.fixture
def served(tmp_path):
    found = simulation()
    layout = found.layout(tmp_path)
    credentials.create_all(layout)
    authority = Authority.load(Trust(pki=layout.pki).authority)
    serving = Identity(user="k", addresses=(LOOPBACK,), is_server=True, is_client=False)
    authority.issue(serving, folder=layout.pki, name="simulated-kubelet")
    plays = Plays(tmp_path / "applications")
    server = LogServer(port=0, pki=layout.pki, plays=plays)
    server.start()
    yield layout, plays, server.server_address[1]
    server.shutdown()
    server.server_close()


def get(layout, port, path, *, user):
    connection = http.client.HTTPSConnection(
        LOOPBACK, port, timeout=5, context=probe._tls(layout.pki, user)
    )
    connection.request("GET", path)
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.sockets
def test_a_followed_log_ends_with_its_container(served):
    layout, plays, port = served
    play = plays.begin("pod")
    play.write("SYNTHETIC")

    def end():
        time.sleep(0.2)
        play.write("last")
        play.ended.set()

    threading.Thread(target=end).start()
    status, body = get(
        layout,
        port,
        "/containerLogs/ns/pod/c?follow=true&timestamps=true",
        user="apiserver-kubelet",
    )
    lines = body.decode().splitlines()
    assert status == 200
    assert [line.partition(" ")[2] for line in lines] == ["SYNTHETIC", "last"]
    assert lines[0].partition(" ")[0].endswith("Z")


@pytest.mark.sockets
def test_logs_are_for_the_api_server_only(served):
    layout, plays, port = served
    plays.begin("pod").ended.set()
    assert get(layout, port, "/containerLogs/ns/pod/c", user="pipeline")[0] == 403


@pytest.mark.parametrize("other", ["flux_operator", "indexed_job"])
def test_paired_operators_of_a_block_run_on_the_same_seeded_nodes(other):
    operators = ("mpi_operator", other)
    study = Study(cluster="simulated", design="interleaved", nodes=(4, 8), operators=operators)
    points = make_plan(study, study_id=STUDY_ID).points
    by_block = {}
    for point in points:
        assert len(set(point.workers)) == point.nodes
        by_block.setdefault(point.block, set()).add(point.workers)
    assert all(len(sets) == 1 for sets in by_block.values())
    assert len({next(iter(sets)) for sets in by_block.values()}) > 1
    assert make_plan(study, study_id=STUDY_ID).points == points


def test_a_swap_leaves_the_nodes_to_the_scheduler_unless_told():
    study = Study(cluster="simulated", nodes=(4,))
    assert {point.workers for point in make_plan(study, study_id=STUDY_ID).points} == {()}
    paired = study.model_copy(update={"placement": NodeChoice.PAIRED})
    points = make_plan(paired, study_id=STUDY_ID).points
    nodes_of = {
        operator: [p.workers for p in points if p.k8s_operator == operator]
        for operator in study.operators
    }
    assert nodes_of["mpi_operator"] == nodes_of["indexed_job"]


def test_no_outgoing_connection_can_take_the_port_of_a_server_that_has_died(tmp_path, monkeypatch):
    first_outgoing = int(settings.OUTGOING_PORTS.read_text().split()[0])
    ports = settings.free_ports(6)
    assert len(set(ports)) == 6
    assert max(ports) < first_outgoing or first_outgoing < 20_240
    (tmp_path / "range").write_text("1024\t65535\n")
    monkeypatch.setattr(settings, "OUTGOING_PORTS", tmp_path / "range")
    assert len(set(settings.free_ports(6))) == 6
