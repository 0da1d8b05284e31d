"""Folders and fakes for the embedded cluster's parts; no test here starts a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from include.embedded import binaries, owner
from include.embedded.layout import Layout
from include.embedded.progress import Progress


@dataclass
class Commands:
    """Stands in for `run`: notes each command and answers from a table of beginnings."""

    answers: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def __call__(self, command, **_):
        line = " ".join(str(word) for word in command)
        self.seen.append(line)
        for beginning, answer in self.answers.items():
            if line.startswith(beginning):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return ""


@pytest.fixture
def commands():
    return Commands()


@pytest.fixture
def layout(tmp_path_factory):
    """A short path, whatever the test's name: sockets are below it."""
    return Layout(root=tmp_path_factory.mktemp("s") / "state", api_address="127.0.0.1")


@pytest.fixture
def lines():
    return []


@pytest.fixture
def progress(lines):
    return Progress(lines.append)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A cache with an empty file for each program, and one manifest."""
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path / "cache"))
    folder = binaries.folder()
    folder.mkdir(parents=True)
    for name in binaries.PROGRAMS:
        (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch, tmp_path_factory):
    """No test of one module takes or gives up the machine's own cluster."""
    monkeypatch.setattr(owner, "FILE", tmp_path_factory.mktemp("run") / "local-owner")
