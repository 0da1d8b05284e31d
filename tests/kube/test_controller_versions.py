"""Versions of a controller that a study may name."""

from __future__ import annotations

import pytest

from include import k8s_operators
from include.errors import StudyError
from include.kube import controller_versions
from include.kube.kinds import Origin

CONTROLLER = k8s_operators.load("mpi_operator").controller
MANIFEST = "https://files.test/mpi-operator.yaml"
DIGEST = "a" * 64


@pytest.mark.parametrize("wanted", [None, "pinned", CONTROLLER.version])
def test_without_a_choice_the_pinned_version_runs(wanted):
    assert controller_versions.of(CONTROLLER, wanted) is CONTROLLER


@pytest.mark.parametrize("wanted", ["v0.7.0", "v0.8.0-rc.1", "0d75cef855de"])
def test_a_version_of_the_module_has_its_own_manifests(wanted):
    named = controller_versions.of(CONTROLLER, wanted)
    assert (named.version, named.origin, named.program) == (wanted, Origin.MODULE, "")


def test_a_path_is_another_build_with_the_pinned_manifests():
    named = controller_versions.of(CONTROLLER, "/builds/mpi-operator")
    assert (named.program, named.origin) == ("/builds/mpi-operator", Origin.PROGRAM)


def test_a_manifest_is_named_by_address_and_digest():
    named = controller_versions.of(CONTROLLER, f"{MANIFEST}#sha256={DIGEST}")
    assert (named.manifest_url, named.manifest_sha256) == (MANIFEST, DIGEST)
    assert named.origin is Origin.MANIFEST
    assert named.version == "manifest sha256:aaaaaaaaaaaa"


@pytest.mark.parametrize(
    "wanted",
    ["", "latest", "./mpi-operator", MANIFEST, f"http://files.test/a#sha256={DIGEST}", "v1"],
)
def test_what_names_no_version_is_refused_with_all_forms(wanted):
    with pytest.raises(StudyError, match="names no version of mpi-operator: give a program"):
        controller_versions.of(CONTROLLER, wanted)
