"""The look into the study's image, before its first point."""

from __future__ import annotations

import json

import pytest

from include import clusters, k8s_operators
from include.checks import Outcome
from include.errors import ClusterError
from include.kube import image_look as pods
from include.kube.image_look import NothingStarts, NotLooked
from include.models import MpiImplementation, Study
from include.parsers.image_look import LAST, SCRIPT, parse
from include.results import IMAGE as IMAGE_FILE
from include.results import Results
from include.study import stopping
from include.study.image_look import ImageLacks, judged, look_into_images
from tests.plans import make_plan
from tests.study.handles import existing_cluster

IMAGE = "registry.test/app@sha256:" + "b" * 64
NAMES = ("bash", "ssh", "ssh-keygen", "mpirun", "mpiexec.hydra", "timeout", "program", "folder")
COMPLETE = [
    *(f"look {name} /usr/bin/{name}" for name in NAMES),
    "look sshd /usr/sbin/sshd",
    "look time /usr/bin/time",
    "look launcher_version mpirun (Open MPI) 4.1.4",
    "look library libmpi.so.40 => /usr/lib/libmpi.so.40",
    LAST,
]


def study(**changes):
    values = {
        "cluster": "existing",
        "image": IMAGE,
        "application": "hpcc",
        "mpi_implementation": "openmpi",
        "operators": ("mpi_operator", "flux_operator"),
    }
    return Study.model_validate(values | changes)


def handle(**changes):
    values = {"image_digest": "sha256:" + "b" * 64}
    return existing_cluster(IMAGE, **values | changes)


@pytest.fixture
def results(tmp_path):
    stored = Results(tmp_path / "results")
    stored.write_json("plan.json", make_plan(study(), study_id="demo-1", workers=2).to_json())
    return stored


@pytest.fixture
def printed(monkeypatch, tmp_path):
    """What the script prints, in place of a cluster, and how often it was asked."""
    answers = {"lines": COMPLETE, "requests": []}

    def look(kube, request):
        answers["requests"].append(request)
        if isinstance(answers["lines"], Exception):
            raise answers["lines"]
        return tuple(answers["lines"])

    monkeypatch.setattr(pods, "look", look)
    monkeypatch.setattr(type(clusters.load("existing")), "connect", lambda *_: None)
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    return answers


def look(results, given):
    """Look into the images of the study's first phase."""
    look_into_images(results, given, results.plan().phases[0])


def checks_in(results):
    return json.loads(results.read_bytes(IMAGE_FILE))[IMAGE]["checks"]


def launches_of(given):
    return frozenset(k8s_operators.load(name).launch for name in given.operators)


def judge(lines, given):
    return judged(parse(lines), given, launches=launches_of(given))


def without(*names):
    return [line for line in COMPLETE if line.split()[1] not in names]


def failures(lines, **changes):
    return {
        check.name: check.finding
        for check in judge(lines, study(**changes))
        if check.outcome is Outcome.FAILED
    }


def test_a_complete_image_is_looked_into_once_and_told(results, printed, caplog):
    with caplog.at_level("INFO", "include"):
        look(results, handle())
        look(results, handle())
    (request,) = printed["requests"]
    assert request.command == ("sh", "-c", SCRIPT, "look", "hpcc", "/tmp", "mpirun")  # noqa: S108
    stored = json.loads(results.read_bytes(IMAGE_FILE))[IMAGE]
    assert stored["mpi_version"] == "Open MPI 4.1.4"
    assert {check["outcome"] for check in stored["checks"]} == {"ok"}
    assert "Open MPI 4.1.4, /usr/bin/mpirun" in caplog.text


@pytest.mark.parametrize(
    ("missing", "name", "reason"),
    [
        ("bash", "bash", "bash is not in the image"),
        ("sshd", "sshd", "/usr/sbin/sshd is not in the image"),
        ("ssh", "ssh", "ssh is not in the image"),
        ("ssh-keygen", "ssh-keygen", "ssh-keygen is not in the image"),
        ("time", "time", "GNU time"),
        ("mpirun", "MPI", "mpirun of openmpi is not on the PATH that sshd gives"),
        ("program", "program", "hpcc is not in the image"),
        ("folder", "folder", ", where the program is to run, is not there"),
    ],
)
def test_what_is_missing_is_named(missing, name, reason):
    assert reason in failures(without(missing))[name]


def test_only_what_the_studys_operators_use_must_be_there():
    over_ssh = without("sshd", "ssh", "ssh-keygen", "mpirun", "launcher_version")
    assert failures(over_ssh, operators=("flux_operator",)) == {}
    assert failures(without("time"), operators=("mpi_operator", "indexed_job")) == {}


def test_another_mpi_than_the_studys_is_refused_with_both_names():
    hydra = [*without("launcher_version"), "look launcher_version HYDRA build details:"]
    hydra = ["look launcher_version Version: 5.0.0", *hydra]
    found = failures(hydra)
    assert found["MPI"] == "/usr/bin/mpirun is of MPICH 5.0.0, and the study says openmpi"
    linked = [line.replace("libmpi.so.40", "libmpi.so.12") for line in COMPLETE]
    assert "linked with mpich, the study says openmpi" in failures(linked)["MPI library"]


def test_libraries_that_the_program_lacks_are_named():
    lines = ["look library libfftw3.so.3 => not found", *COMPLETE]
    assert failures(lines)["libraries"] == "the program lacks libfftw3.so.3"


def test_a_program_on_the_images_path_alone_is_doubted_and_not_refused():
    lines = [*without("program"), "look program_in_image /opt/app/bin/hpcc"]
    assert failures(lines) == {}
    doubts = [c for c in judge(lines, study()) if c.outcome is Outcome.UNKNOWN]
    assert "not on the one that sshd usually gives" in doubts[0].finding
    assert failures(lines, operators=("flux_operator",)) == {}


def test_a_script_or_a_static_program_says_nothing_of_mpi():
    assert "MPI library" not in {c.name for c in judge(without("library"), study())}
    assert MpiImplementation.OPENMPI in parse(COMPLETE).libraries


def test_an_image_that_lacks_something_stops_the_study_with_the_reason(results, printed):
    printed["lines"] = without("sshd", "program")
    with pytest.raises(ImageLacks, match="sshd is not in the image; program: hpcc is not in"):
        look(results, handle())
    assert "cannot run the study" in stopping.why_stopped(results)
    assert "your_cluster.md" in stopping.why_stopped(results)


def test_an_image_without_a_shell_stops_the_study(results, printed):
    printed["lines"] = NothingStarts("nothing can be started in it, not even sh")
    with pytest.raises(ImageLacks, match="not even sh"):
        look(results, handle())


@pytest.mark.parametrize(
    "error", [NotLooked("the pod did not end within 90 s"), ClusterError("403 Forbidden")]
)
def test_a_look_that_was_not_possible_stops_nothing(results, printed, error):
    printed["lines"] = error
    look(results, handle())
    (check,) = checks_in(results)
    assert check["outcome"] == "not known"
    assert stopping.why_stopped(results) is None


def test_simulated_nodes_say_that_nothing_was_looked_into(results, printed):
    look(results, handle(cluster="simulated", simulated=True))
    (check,) = checks_in(results)
    assert check["finding"].startswith("Simulated nodes (KWOK): no image is run")
    assert printed["requests"] == []


def test_an_image_that_nobody_can_change_is_looked_into_once_for_all_studies(
    results, printed, tmp_path
):
    fixed = handle(image_pull_policy="Never")
    look(results, fixed)
    other = Results(tmp_path / "other")
    other.write_json("plan.json", json.loads(results.read_bytes("plan.json")))
    look(other, fixed)
    assert len(printed["requests"]) == 1
    assert other.read_bytes(IMAGE_FILE) == results.read_bytes(IMAGE_FILE)


def test_each_image_that_arms_of_a_study_compare_is_looked_into(printed, tmp_path):
    images = {"release": f"app@sha256:{'1' * 64}", "head": f"app@sha256:{'2' * 64}"}
    compared = study(
        operators=("mpi_operator",),
        operator_options={"mpi_operator": {"image": images}},
        design="interleaved",
    )
    results = Results(tmp_path / "results")
    results.write_json("plan.json", make_plan(compared, study_id="demo-1", workers=2).to_json())
    look(results, handle(worker_nodes=("a", "b")))
    assert {request.image for request in printed["requests"]} == set(images.values())
    assert set(json.loads(results.read_bytes(IMAGE_FILE))) == set(images.values())
