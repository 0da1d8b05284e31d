"""Controllers that are built when a study asks for them; a fake Go makes the programs."""

from __future__ import annotations

import pytest

from include import k8s_operators
from include.checks import Outcome
from include.embedded import binaries, go, on_demand, programs
from include.embedded.paths import TOOLS
from include.errors import ClusterError

CONTROLLERS = [
    each
    for each in k8s_operators.controllers(k8s_operators.available())
    if each.tool  # of those that are not built with the cluster
]
FAKE_GO = """\
#!/bin/sh
case "$1" in
list) echo "{modules}" ;;
build)
  {before}
  while [ "$1" != -o ]; do shift; done
  echo built > "$2$(basename "$3")" ;;
esac
"""


@pytest.fixture(params=CONTROLLERS, ids=lambda each: each.name)
def controller(request):
    return request.param


@pytest.fixture
def fake_go(tmp_path, monkeypatch, controller):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("include.embedded.modules.POLL_S", 0.01)
    for relative in controller.module_files:
        path = tmp_path / "module" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kind: Test")

    def use(before=":"):
        program = tmp_path / "go"
        program.write_text(FAKE_GO.format(modules=tmp_path / "module", before=before))
        program.chmod(0o755)
        toolchain = go.Toolchain(program=program, version="go1.26.8")
        monkeypatch.setattr(go, "toolchain", lambda: toolchain)

    return use


def test_program_and_manifests_are_built_once(fake_go, progress, lines, controller):
    fake_go()
    assert on_demand.built(controller) is None
    program = on_demand.build(controller, progress)
    assert program.read_text() == "built\n"
    assert on_demand.built(controller) == program
    for relative in controller.module_files:
        assert on_demand.manifest_file(controller, relative).read_text() == "kind: Test"
    lines.clear()
    assert on_demand.build(controller, progress) == program
    assert lines == []


def test_a_failed_build_leaves_nothing(fake_go, progress, controller):
    fake_go("echo cannot find package >&2; exit 1")
    with pytest.raises(ClusterError, match=f"building {controller.name} failed: cannot find"):
        on_demand.build(controller, progress)
    assert list(on_demand.folder(controller).parent.iterdir()) == []


def test_one_that_is_not_built_yet_stops_no_study(tmp_path, monkeypatch, controller):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    assert programs.find(controller) is None
    assert programs.can_be_had(controller)
    (check,) = programs.check(controller, None)
    assert check.outcome is Outcome.PASSED
    assert "built from its Go module" in check.finding


def test_the_set_up_builds_none_of_them(controller):
    assert controller.name not in binaries.PROGRAMS
    assert controller.tool not in {module.folder for module in binaries.MODULES}


def test_the_pinned_module_is_the_version_that_the_adapter_names(controller):
    text = (TOOLS / controller.tool / "go.mod").read_text()
    assert f"{controller.go_module} {controller.version}" in text
    assert f"tool {controller.package}" in text
