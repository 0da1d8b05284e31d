from __future__ import annotations

import re
import subprocess

import pytest

from include import provenance


@pytest.fixture(autouse=True)
def _forget():
    provenance.code_version.cache_clear()
    yield
    provenance.code_version.cache_clear()


def test_checkout_gives_its_commit(monkeypatch):
    monkeypatch.delenv(provenance.VERSION_VARIABLE, raising=False)
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", provenance.code_version())


def test_installation_without_a_checkout_names_its_version(monkeypatch):
    monkeypatch.setenv(provenance.VERSION_VARIABLE, "1.2.3")
    assert provenance.code_version() == "1.2.3"


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10)])
def test_unknown_version_is_said_to_be_unknown(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.delenv(provenance.VERSION_VARIABLE, raising=False)
    monkeypatch.setattr(provenance.subprocess, "run", fail)
    assert provenance.code_version() == "unknown"
