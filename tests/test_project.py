from __future__ import annotations

import re
import subprocess

import pytest

from include import project


@pytest.fixture(autouse=True)
def _forget():
    project.code_version.cache_clear()
    yield
    project.code_version.cache_clear()


def test_checkout_gives_its_commit(monkeypatch):
    monkeypatch.delenv(project.VERSION_VARIABLE, raising=False)
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", project.code_version())


def test_installation_without_a_checkout_names_its_version(monkeypatch):
    monkeypatch.setenv(project.VERSION_VARIABLE, "1.2.3")
    assert project.code_version() == "1.2.3"


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10)])
def test_unknown_version_is_said_to_be_unknown(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.delenv(project.VERSION_VARIABLE, raising=False)
    monkeypatch.setattr(project.subprocess, "run", fail)
    assert project.code_version() == "unknown"
