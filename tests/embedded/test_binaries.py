from __future__ import annotations

import shutil

import pytest

from include.embedded import binaries, go
from include.embedded.paths import TOOLS
from include.errors import ClusterError

FAKE_GO = """\
#!/bin/sh
case "$1" in
env) echo go1.26.6 ;;
list) echo "{modules}" ;;
build)
  {before}
  while [ "$1" != -o ]; do shift; done
  out=$2; shift 2
  for package; do
    name=$(basename "$package")
    case $name in .) name=$(basename "$PWD") ;; v3) name=server ;; esac
    echo built > "$out$name"
  done ;;
esac
"""


@pytest.fixture
def fake_go(tmp_path, monkeypatch):
    """A Go that makes a file for each program; `before` is shell to run first."""
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("include.embedded.modules.POLL_S", 0.01)
    modules = tmp_path / "modules"
    for relative in (
        "deploy/v2beta1/mpi-operator.yaml",
        "manifests/base/kubeflow.org_mpijobs.yaml",
    ):
        (modules / relative).parent.mkdir(parents=True, exist_ok=True)
        (modules / relative).write_text("kind: Test")
    for relative in ("kustomize/crd/bases", "kustomize/stage"):
        (modules / relative).mkdir(parents=True)

    def use(before=":"):
        program = tmp_path / "go"
        program.write_text(FAKE_GO.format(modules=modules, before=before))
        program.chmod(0o755)
        found = go.Toolchain(program=program, version="go1.26.6")
        monkeypatch.setattr(go, "toolchain", lambda: found)

    return use


def test_all_programs_are_built_once(fake_go, progress, lines):
    fake_go()
    folder = binaries.build(progress)
    assert {path.name for path in folder.iterdir()} == {*binaries.PROGRAMS, "manifests"}
    assert binaries.binary("etcd").read_text() == "built\n"
    crd = "manifests/base/kubeflow.org_mpijobs.yaml"
    assert binaries.module_file("github.com/kubeflow/mpi-operator", crd).exists()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert any("building pause (1 of 9)" in line and "s so far" in line for line in lines)
    lines.clear()
    assert binaries.build(progress) == folder
    assert lines == []


def test_a_failed_build_leaves_nothing(fake_go, progress):
    fake_go("echo cannot find package >&2; exit 1")
    with pytest.raises(ClusterError, match=r"building pause failed: cannot find package"):
        binaries.build(progress)
    assert list(binaries.folder().parent.iterdir()) == []


def test_the_command_line_reports_a_failure(fake_go, capsys):
    fake_go("exit 1")
    assert binaries.main([]) == 1
    assert capsys.readouterr().err.startswith("error: building pause failed")
    fake_go()
    assert binaries.main([]) == 0
    assert "programs are in" in capsys.readouterr().out


def test_another_pin_is_another_folder(tmp_path):
    shutil.copytree(TOOLS, tmp_path / "tools")
    before = binaries.cache_key(tmp_path / "tools")
    assert before == binaries.cache_key()
    with (tmp_path / "tools/etcd/go.sum").open("a") as file:
        file.write("# changed\n")
    assert binaries.cache_key(tmp_path / "tools") != before


def test_what_is_not_built_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    assert not binaries.is_built()
    with pytest.raises(ClusterError, match=r"kubelet is not in the cache.*make setup"):
        binaries.binary("kubelet")


def test_kubernetes_is_told_its_version():
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.2" in binaries.linker_flags()
    assert "-X k8s.io/client-go/pkg/version.gitMinor=36" in binaries.linker_flags()


def test_no_time_goes_into_data_that_the_linker_drops():
    options = binaries.build_options()
    assert options[options.index("-gcflags") + 1] == "all=-dwarf=false"
    assert "-w" in options[options.index("-ldflags") + 1].split()


def required(folder):
    lines = (line.split() for line in (TOOLS / folder / "go.mod").read_text().splitlines())
    return {words[0]: words[1] for words in lines if words[2:] == ["//", "indirect"]}


@pytest.mark.parametrize("folder", ["coredns", "etcd"])
def test_what_kubernetes_needs_too_has_its_version_so_that_go_compiles_it_once(folder):
    kubernetes, own = required("kubernetes"), required(folder)
    shared = {name for name in own if name in kubernetes}
    assert len(shared) > 20
    others = {name for name in shared if own[name] != kubernetes[name]}
    assert {name for name in others if not name.startswith("go.etcd.io/etcd/")} == set()


def test_the_stated_version_is_the_pinned_one():
    pins = (TOOLS / "kubernetes/go.mod").read_text()
    assert f"k8s.io/kubernetes {binaries.KUBERNETES_VERSION}" in pins
