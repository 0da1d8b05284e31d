"""The page about a program and a cluster of one's own holds what the project does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from include import adapters, applications, k8s_operators
from include.applications.command import Options
from include.clusters import _rights
from include.k8s_operators import Launch
from include.kube import kubeconfig
from include.models import Study
from include.parsers.image_look import LAST, parse
from include.study.image_look import judged
from include.study.plan import read_study

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "your_cluster.md").read_text()
DOCKERFILES = re.findall(r"```dockerfile\n(.*?)```", PAGE, flags=re.DOTALL)
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_study_of_the_page_is_planned_and_its_output_read():
    study = json.loads(BLOCKS[-1].replace("sha256:…", "sha256:" + "0" * 64))
    planned = read_study(study)
    application, options = applications.of_study(planned)
    result = application.parse(["STREAM 5.10", "Triad:   12.5", "Solution Validates: yes"])
    application.check(result, options=options, ranks=16)
    assert result.figures == {"triad_gb_per_s": 12.5}


def test_the_placement_of_the_page_is_read():
    read_study(
        {
            "cluster": "existing",
            "image": "registry.example/app@sha256:" + "0" * 64,
            "operators": ["indexed_job"],
            "cluster_options": json.loads(BLOCKS[0]),
        }
    )


def test_every_key_of_a_command_is_on_the_page():
    assert [name for name in Options.model_fields if f"`{name}`" not in PAGE] == []


def test_the_dockerfile_has_the_packages_of_the_applications_that_debian_has():
    dockerfile = DOCKERFILES[0]
    needed = {
        package
        for name in applications.available()
        for package in applications.load(name).packages or ()
    }
    assert [package for package in needed if package not in dockerfile.split()] == []
    assert {"bash", "time", "openssh-server", "openssh-client"} <= set(dockerfile.split())


def test_every_right_that_preflight_asks_for_is_on_the_page():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "`" in line]
    for wanted in (
        *(_rights.FOR_JOBS, _rights.FOR_THE_CLUSTER, _rights.FOR_A_NAMESPACE),
        *(_rights.FOR_A_CONTROLLER, _rights.FOR_VERSIONS),
    ):
        for verb, _, resource in wanted:
            assert any(verb in row.split("|")[1] and f"`{resource}`" in row for row in rows), (
                verb,
                resource,
            )
    kinds = {k8s_operators.load(name).resource.plural for name in k8s_operators.available()}
    assert {kind for kind in kinds if f"`{kind}`" not in PAGE} == set()


def test_the_message_of_an_image_that_lacks_something_is_as_on_the_page():
    checks = judged(parse([LAST]), Study(mpi_implementation="openmpi"), launches=frozenset(Launch))
    (check,) = (each for each in checks if each.name == "sshd")
    assert f"cannot run the study: {check.name}: {check.finding}" in PAGE


def test_a_credential_program_beside_the_kubeconfig_is_run_by_its_whole_path(tmp_path):
    token = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    program = tmp_path / "kubelogin"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({**token, 'status': {'token': 'abc'}})}'\n")
    program.chmod(0o755)
    user = {"exec": {"apiVersion": token["apiVersion"], "command": str(program)}}
    user["exec"] |= {"interactiveMode": "Never", "args": ["get-token"]}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    settings = kubeconfig.settings_of(tmp_path / "kubeconfig", context=None)
    assert settings.auth_settings()["BearerToken"]["value"] == "Bearer abc"


def test_the_variable_of_the_page_is_the_one_that_is_read():
    assert f"`{adapters.OWN_FOLDER}`" in PAGE
