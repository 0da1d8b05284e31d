"""What every operator adapter must hold, and the manifests of each, reviewed by eye."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from include import k8s_operators
from include.errors import ParseError, RenderError, StudyError
from include.k8s_operators import LABEL_POINT, LABEL_STUDY, JobPhase, JobSpec, Launch
from include.models import Binding, MpiImplementation, Placement
from include.render import render

GOLDEN = Path(__file__).parent.parent / "golden"
OPERATORS = k8s_operators.available()
SHARED_MEMORY = "/dev/shm"  # noqa: S108  of a container
LOGIN = "login"  # name of a Secret
SSH_OPERATORS = [name for name in OPERATORS if k8s_operators.load(name).launch is Launch.SSH]


def job(**changes):
    values = {
        "name": "demo-1234abcd-op-2n-r1",
        "namespace": "demo-1234abcd",
        "labels": {LABEL_STUDY: "demo-1234abcd", LABEL_POINT: "demo-1234abcd-op-2n-r1"},
        "image": "docker.io/local/lammps:1",
        "image_pull_policy": "Never",
        "nodes": 2,
        "ranks_per_node": 4,
        "command": ("lmp", "-v", "x", "1", "-in", "in.reaxc.hns", "-nocite"),
        "work_dir": "/opt/hns",
        "mpi_implementation": MpiImplementation.MPICH,
        "binding": Binding.CORE,
        "pod_resources": {"cpu": "4", "memory": "1Gi", "vpc.amazonaws.com/efa": "1"},
        "launcher": Placement(node_selector={"role": "launcher"}),
        "worker": Placement(
            node_selector={"role": "worker"}, tolerations=({"key": "worker", "operator": "Exists"},)
        ),
        "timeout_s": 660.0,
    }
    return JobSpec(**{**values, **changes})


@pytest.fixture(params=OPERATORS)
def operator(request):
    return k8s_operators.load(request.param)


@pytest.fixture(params=SSH_OPERATORS)
def ssh_operator(request):
    return k8s_operators.load(request.param)


def objects(operator, **changes):
    return operator.objects(job(**changes), operator.read_options({}))


def pod_templates(value):
    """Every pod template in an object, wherever its operator has it."""
    if isinstance(value, list):
        return [each for item in value for each in pod_templates(item)]
    if not isinstance(value, dict):
        return []
    if "containers" in value.get("spec", {}) and "pod" not in value["spec"]:
        return [value]
    return [each for item in value.values() for each in pod_templates(item)]


def pod_specs(operator, **changes):
    """Specs of the pods; of an operator that has two kinds the launcher's first."""
    made = objects(operator, **changes)
    if "pod" in (spec := made[-1]["spec"]):  # a MiniCluster says the same in other words
        return [{**spec["pod"], "containers": spec["containers"]}]
    return [template["spec"] for template in pod_templates(list(made))]


def text_of(operator, **changes):
    return yaml.safe_dump_all(objects(operator, **changes), width=10_000)


def settings_of(value, name):
    """All values of that name in an object."""
    if isinstance(value, list):
        return [each for item in value for each in settings_of(item, name)]
    if not isinstance(value, dict):
        return []
    inner = [each for item in value.values() for each in settings_of(item, name)]
    return [*([value[name]] if name in value else []), *inner]


@pytest.mark.parametrize("mpi", list(MpiImplementation))
def test_manifest_is_the_reviewed_one(operator, mpi):
    shown = map(operator.without_secrets, objects(operator, mpi_implementation=mpi))
    text = yaml.safe_dump_all(shown, sort_keys=False)
    path = GOLDEN / f"{operator.name}.{mpi}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_resource_comes_last_and_has_the_points_name(operator):
    resource = objects(operator)[-1]
    assert resource["kind"] == operator.resource.kind
    assert resource["apiVersion"] == operator.resource.api_version
    assert resource["metadata"]["name"] == job().name


def pods_metadata(operator):
    """Labels and annotations of each kind of pod that an operator's resource asks for."""
    made = objects(operator)
    if "pod" in (spec := made[-1]["spec"]):
        return [spec["pod"]]
    return [template["metadata"] for template in pod_templates(list(made))]


def test_every_object_and_pod_carries_both_labels(operator):
    for obj in objects(operator):
        assert job().labels.items() <= obj["metadata"]["labels"].items()
    for metadata in pods_metadata(operator):
        assert job().labels.items() <= metadata["labels"].items()
    assert job().labels == objects(operator)[-1]["spec"].get("jobLabels", job().labels)


def test_an_operator_says_whether_its_launcher_has_a_pod_and_so_a_place_of_its_own(operator):
    place = Placement(node_selector={"role": "the-launchers"})
    text = str(objects(operator, launcher=place))
    assert ("the-launchers" in text) is operator.has_launcher_pod


def test_pods_ask_meshes_for_no_container_of_theirs(operator):
    for metadata in pods_metadata(operator):
        assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"
        assert metadata["annotations"]["linkerd.io/inject"] == "disabled"


def test_image_is_the_studys(operator):
    images = {c["image"] for spec in pod_specs(operator) for c in spec["containers"]}
    assert images == {"docker.io/local/lammps:1"}


def test_command_ranks_and_binding_are_those_of_the_study(ssh_operator):
    operator = ssh_operator
    text = text_of(operator)
    assert "mpiexec.hydra -launcher ssh" in text
    assert "-n 8 -ppn 4 -bind-to core lmp -v x 1 -in in.reaxc.hns -nocite" in text


def test_launch_command_is_the_same_under_every_operator():
    def command(name):
        found = k8s_operators.load(name)
        text = text_of(found)
        line = next(line for line in text.splitlines() if "time -p" in line)
        return line.split("-n 8", 1)[1].rstrip('"').rstrip("\\")

    assert len({command(name) for name in SSH_OPERATORS}) == 1


def test_workers_go_one_to_a_node_where_they_belong(operator):
    workers = pod_specs(operator)[-1]
    assert workers["nodeSelector"] == {"role": "worker"}
    assert workers["tolerations"] == [{"key": "worker", "operator": "Exists"}]


def test_ranks_run_on_chosen_nodes_only(operator):
    found = text_of(operator, node_names=("node-7", "node-9"))
    assert found.count("node-7") == found.count("node-9") == 1
    assert "node-7" not in text_of(operator)


def test_workers_never_share_a_node(ssh_operator):
    assert "podAntiAffinity" in pod_specs(ssh_operator)[-1]["affinity"]


def test_extended_resources_are_limited_and_cpu_is_not(operator):
    resources = pod_specs(operator)[-1]["containers"][0]["resources"]
    assert resources["requests"]["cpu"] == "4"
    assert resources["limits"] == {"memory": "1Gi", "vpc.amazonaws.com/efa": "1"}


def test_failed_application_is_never_run_again(ssh_operator):
    operator = ssh_operator
    made = list(objects(operator))
    limits = settings_of(made, "backoffLimit")
    assert set(limits) == {0}
    assert set(settings_of(made, "maxRestarts")) <= {0}
    for pod in pod_specs(operator):
        assert pod.get("restartPolicy", "Never") == "Never"


def test_pods_get_no_service_account_token(operator):
    assert all(pod["automountServiceAccountToken"] is False for pod in pod_specs(operator))


def test_job_has_an_end_of_its_own(operator):
    made = list(objects(operator))
    own = settings_of(made, "activeDeadlineSeconds") + settings_of(made, "deadlineSeconds")
    assert own == [660]


def test_hostile_text_stays_text(operator):
    evil = 'x"; rm -rf / #{{ 7*7 }}\n- kind: Pod'
    spec = job(command=("lmp", evil))
    found = operator.objects(spec, operator.read_options({}))
    assert found[-1]["kind"] == operator.resource.kind
    assert len(found) == len(objects(operator))


def test_new_resource_is_pending(operator):
    assert operator.state({"metadata": {}}).phase is JobPhase.PENDING


def test_launcher_time_needs_its_line(ssh_operator):
    operator = ssh_operator
    assert operator.launcher_time_s(["real 2.67", "user 0.01", "sys 0.02"]) == 2.67
    with pytest.raises(ParseError, match="real"):
        operator.launcher_time_s(["LAMMPS"])


def test_unknown_operator_lists_the_valid_ones():
    with pytest.raises(StudyError, match=r"indexed_job.*mpi_operator"):
        k8s_operators.load("slurm")


def test_missing_value_in_a_template_is_named():
    with pytest.raises(RenderError, match=r"mpi_operator.yaml.j2: 'job' is undefined"):
        render("mpi_operator.yaml.j2")


@pytest.mark.parametrize(
    ("name", "condition", "phase"),
    [
        ("mpi_operator", "Running", JobPhase.RUNNING),
        ("mpi_operator", "Succeeded", JobPhase.SUCCEEDED),
        ("mpi_operator", "Failed", JobPhase.FAILED),
        ("indexed_job", "SuccessCriteriaMet", JobPhase.SUCCEEDED),
        ("indexed_job", "Complete", JobPhase.SUCCEEDED),
        ("indexed_job", "Failed", JobPhase.FAILED),
        ("indexed_job", "FailureTarget", JobPhase.FAILED),
        ("flux_operator", "Complete", JobPhase.SUCCEEDED),
        ("flux_operator", "Failed", JobPhase.FAILED),
        ("jobset", "Completed", JobPhase.SUCCEEDED),
        ("jobset", "Failed", JobPhase.FAILED),
        ("trainer_mpi", "Complete", JobPhase.SUCCEEDED),
        ("trainer_mpi", "Failed", JobPhase.FAILED),
    ],
)
def test_condition_gives_the_state(name, condition, phase):
    true = {"type": condition, "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    found = k8s_operators.load(name).state({"status": {"conditions": [true]}})
    assert found.phase is phase
    false = {**true, "status": "False"}
    assert (
        k8s_operators.load(name).state({"status": {"conditions": [false]}}).phase
        is JobPhase.PENDING
    )


def test_indexed_job_runs_while_pods_are_ready():
    assert k8s_operators.load("indexed_job").state({"status": {"ready": 1}}).phase is (
        JobPhase.RUNNING
    )


def test_open_mpi_gets_its_own_words(ssh_operator):
    operator = ssh_operator
    text = text_of(operator, mpi_implementation=MpiImplementation.OPENMPI)
    assert "mpirun --allow-run-as-root --hostfile" in text
    # A name that is cut at its first dot is not that of a pod: "Could not resolve hostname job-1".
    assert "orte_keep_fqdn_hostnames=true" in text
    assert "prte_keep_fqdn_hostnames=true" in text
    assert "-np 8 --map-by ppr:4:node --bind-to core lmp" in text


def test_environment_reaches_the_container_and_every_rank(operator):
    given = {"FI_PROVIDER": "efa", "OMP_NUM_THREADS": "1"}
    for mpi, word in ((MpiImplementation.OPENMPI, "-x"), (MpiImplementation.MPICH, "-genv")):
        specs = pod_specs(operator, environment=given, mpi_implementation=mpi)
        for container in (c for spec in specs for c in spec["containers"]):
            listed = container.get("env", [])
            shown = container.get("environment") or {v["name"]: v["value"] for v in listed}
            assert shown == given
        if operator.name in SSH_OPERATORS:
            join = "=" if word == "-x" else " "
            text = text_of(operator, environment=given, mpi_implementation=mpi)
            assert f"{word} FI_PROVIDER{join}efa {word} OMP_NUM_THREADS{join}1 " in text


def test_login_to_the_registry_is_that_of_every_pod(operator):
    for spec in pod_specs(operator, image_pull_secret=LOGIN):
        given = spec.get("imagePullSecrets") or [{"name": spec["containers"][0]["imagePullSecret"]}]
        assert given == [{"name": LOGIN}]


def test_shared_memory_of_a_ranks_pod_has_the_size_that_is_asked_for(operator):
    spec = pod_specs(operator, shared_memory="4Gi")[-1]
    (container,) = spec["containers"]
    if "commands" in container:  # a MiniCluster's
        assert container["volumes"] == {
            "shared-memory": {
                "path": SHARED_MEMORY,
                "emptyDir": True,
                "emptyDirMedium": "Memory",
                "emptyDirSizeLimit": "4Gi",
            }
        }
        return
    (mount,) = (m for m in container["volumeMounts"] if m["mountPath"] == SHARED_MEMORY)
    (volume,) = (v for v in spec["volumes"] if v["name"] == mount["name"])
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "4Gi"}


def test_work_arounds_for_mpich_are_told_where_an_operator_knows_open_mpi_alone():
    told = {name: k8s_operators.load(name).workarounds(job()) for name in OPERATORS}
    assert {name for name, text in told.items() if text} == {"trainer_mpi"}
    assert told["trainer_mpi"].count(";") == 2
    open_mpi = job(mpi_implementation=MpiImplementation.OPENMPI)
    assert ";" not in k8s_operators.load("trainer_mpi").workarounds(open_mpi)


@pytest.mark.parametrize("name", ["jobset", "trainer_mpi"])
def test_workers_find_a_launcher_that_is_none_of_their_hosts(name):
    text = text_of(k8s_operators.load(name))
    own = f"-localhost {job().name}-launcher-0-0.{job().name} -f"
    assert own in text
