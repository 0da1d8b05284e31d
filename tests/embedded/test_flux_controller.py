from __future__ import annotations

from pathlib import Path

import pytest

from include import k8s_operators
from include.embedded import flux_controller, go
from include.embedded.progress import Progress
from include.errors import ClusterError

FLUX = k8s_operators.load("flux_operator").controller


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    toolchain = go.Toolchain(program=Path("/go"), version="go1.26.8")
    monkeypatch.setattr(go, "toolchain", lambda: toolchain)
    return tmp_path


@pytest.fixture
def quiet():
    return Progress(lambda _: None)


def test_module_that_the_proxy_carries_is_built_once(monkeypatch, quiet):
    commands = []

    def run(words, *, cwd, environment, **_):
        commands.append((words[1], words[-1], environment["CGO_ENABLED"]))
        if words[1] == "install":
            (Path(environment["GOBIN"]) / "flux-operator").write_bytes(b"program")

    monkeypatch.setattr(flux_controller, "run", run)
    assert flux_controller.built(FLUX) is None
    program = flux_controller.build(FLUX, quiet)
    assert program.read_bytes() == b"program"
    assert flux_controller.built(FLUX) == flux_controller.build(FLUX, quiet) == program
    module = f"github.com/flux-framework/flux-operator@{FLUX.commit}"
    assert commands == [("list", module, "0"), ("install", module, "0")]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            (
                "`go list` failed (1): go: a@b: invalid version: reading https://p: 403 Forbidden\n"
                "\tserver response: This module version is not available."
            ),
            "403 Forbidden",
        ),
        ("`go list` failed (1): go: a@b: Get https://p: dial tcp: no such host", "no such host"),
        ("`go list` did not end within 20 s", "`go list` did not end within 20 s"),
    ],
)
def test_module_that_the_proxy_refuses_is_told_in_a_few_words(
    monkeypatch, cache, quiet, told, reason
):
    def refuse(*_, **__):
        raise ClusterError(told)

    monkeypatch.setattr(flux_controller, "run", refuse)
    with pytest.raises(ClusterError) as caught:
        flux_controller.build(FLUX, quiet)
    short = f"flux-operator@{FLUX.commit[:12]}"
    assert str(caught.value) == f"the Go module proxy gives no {short} ({reason})"
    assert list((cache / "controller").iterdir()) == []
