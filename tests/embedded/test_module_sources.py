"""Controllers at versions that no `go.sum` here pins; a fake Go has modules and programs."""

from __future__ import annotations

import dataclasses

import pytest

from include import k8s_operators
from include.embedded import go, on_demand, programs
from include.errors import ClusterError
from include.kube import controller_versions

FLUX = k8s_operators.load("flux_operator").controller
MPI = controller_versions.of(k8s_operators.load("mpi_operator").controller, "v0.7.0")
FAKE_GO = """\
#!/bin/sh
echo "$PWD $*" >> {log}
case "$1 $2" in
"list -m") {proxy} ;;
"mod download") echo '{{"Dir": "{sources}"}}' ;;
build*)
  while [ "$1" != -o ]; do shift; done
  echo "built $3" > "$2" ;;
esac
"""


@pytest.fixture(params=[FLUX, MPI], ids=lambda each: each.name)
def controller(request):
    return request.param


@pytest.fixture
def fake_go(tmp_path, monkeypatch, controller):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    sources, log = tmp_path / "sources", tmp_path / "log"
    for relative in controller.module_files:
        path = sources / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kind: Test")

    def use(proxy=":"):
        program = tmp_path / "go"
        program.write_text(FAKE_GO.format(log=log, sources=sources, proxy=proxy))
        program.chmod(0o755)
        toolchain = go.Toolchain(program=program, version="go1.26.8")
        monkeypatch.setattr(go, "toolchain", lambda: toolchain)
        return sources, log

    return use


def test_version_of_a_module_is_built_once_in_its_own_sources(fake_go, progress, controller):
    _, log = fake_go()
    assert on_demand.built(controller) is None
    program = on_demand.build(controller, progress)
    assert program.read_text() == f"built {controller.package or controller.go_module}\n"
    assert on_demand.built(controller) == on_demand.build(controller, progress) == program
    for relative in controller.module_files:
        assert on_demand.manifest_file(controller, relative).read_text() == "kind: Test"
    told = log.read_text().splitlines()
    assert [line.split()[1] for line in told] == ["list", "mod", "build"]
    assert told[2].split()[0].endswith("/.sources")
    assert [path.name for path in program.parent.iterdir()] != []
    assert not (program.parent / ".sources").exists()


def test_a_module_without_a_definition_is_refused_with_its_name(fake_go, progress, controller):
    sources, _ = fake_go()
    (sources / controller.crd_files[0]).unlink()
    with pytest.raises(ClusterError, match=f"{controller.go_module}@.* has no ") as caught:
        on_demand.build(controller, progress)
    assert str(caught.value).endswith(controller.crd_files[0])
    assert list(on_demand.folder(controller).parent.iterdir()) == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            (
                "go: a@b: invalid version: reading https://p: 403 Forbidden\n"
                "\tserver response: This module version is not available."
            ),
            "403 Forbidden",
        ),
        ("go: a@b: Get https://p: dial tcp: no such host", "no such host"),
    ],
)
def test_a_version_that_the_proxy_refuses_is_told_in_a_few_words(
    fake_go, progress, controller, told, reason
):
    fake_go(f"printf '{told}' >&2; exit 1")
    with pytest.raises(ClusterError) as caught:
        on_demand.build(controller, progress)
    short = controller.commit[:12] or "v0.7.0"
    assert str(caught.value) == f"the Go module proxy has no {controller.name}@{short} ({reason})"
    assert list(on_demand.folder(controller).parent.iterdir()) == []


def test_preflight_asks_the_proxy_for_a_version_that_is_not_built(fake_go):
    fake_go("echo 'go: a@b: 404 Not Found' >&2; exit 1")
    assert programs.find(MPI) is None
    with pytest.raises(ClusterError, match="has no mpi-operator@v0.7.0"):
        programs.check(MPI, None)


def test_each_version_has_a_folder_of_its_own(fake_go, controller):
    fake_go()
    other = dataclasses.replace(MPI, version="v0.6.0")
    assert on_demand.folder(controller) != on_demand.folder(other)
