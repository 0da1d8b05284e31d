"""Adapters and presets of one's own, in a folder beside the installation."""

from __future__ import annotations

import sys

import pytest

from include import adapters, applications
from include.errors import StudyError
from include.study import presets

SKELETON = '''"""Somebody's own application."""

from include.applications.command import Command


class Own(Command):
    name = "{name}"
    title = "Own application"


ADAPTER = Own()
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "applications").mkdir()
    (tmp_path / "applications" / "own_app.py").write_text(SKELETON.format(name="own_app"))
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "own.yaml").write_text("# Our own study.\nname: own\nrepeats: 4\n")
    monkeypatch.setenv(adapters.OWN_FOLDER, str(tmp_path))
    monkeypatch.setattr(applications, "__path__", list(applications.__path__))
    yield tmp_path
    sys.modules.pop("include.applications.own_app", None)


def test_an_adapter_of_ones_own_is_found_with_its_summary(own):
    assert "own_app" in applications.available()
    assert applications.load("own_app").title == "Own application"
    assert adapters.summary(applications, "own_app") == "Somebody's own application."


def test_the_projects_adapters_stay(own):
    (own / "applications" / "lammps.py").write_text("raise SystemExit")
    assert applications.load("lammps").title.startswith("LAMMPS")


def test_a_preset_of_ones_own_is_found(own):
    assert "own" in presets.available()
    assert presets.title("own") == "Our own study."
    assert presets.load("own")["repeats"] == 4


def test_without_the_folder_nothing_is_added(monkeypatch):
    monkeypatch.delenv(adapters.OWN_FOLDER, raising=False)
    with pytest.raises(StudyError, match="applications has no 'own_app'"):
        applications.load("own_app")
