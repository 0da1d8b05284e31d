"""Presets: each is a study that can run, and what a person gives wins over it."""

from __future__ import annotations

import pytest

from include.errors import StudyError
from include.models import Study
from include.regression.settings import read_nightly
from include.study import presets
from include.study.plan import make_plan, read_study
from tests.estimates import estimate_study

FORM = Study().to_json()


@pytest.fixture
def preset(tmp_path, monkeypatch):
    """A preset of its own: `some`."""
    (tmp_path / "some.yaml").write_text("# Some study\nrepeats: 20\nnodes: [8, 16]\n")
    monkeypatch.setattr(presets, "FOLDER", tmp_path)


def filled(conf):
    """As Airflow does: the DAG's defaults, and what the caller sent over them."""
    return presets.fill_in({"preset": None} | FORM | conf, conf=conf)


@pytest.mark.parametrize("name", presets.available())
def test_every_preset_is_a_study_within_the_limits_and_says_what_it_is(name):
    needed = {"image": f"registry.example/lammps@sha256:{64 * '0'}"} if "run6" in name else {}
    study = Study.model_validate(FORM | presets.load(name) | needed)
    make_plan(study, study_id="x")
    assert presets.title(name)


def test_the_smoke_study_has_two_nodes_and_the_rehearsal_is_run_6():
    assert read_study(filled({"preset": "smoke"})).nodes == (2,)
    rehearsal = read_study(filled({"preset": "rehearsal"}))
    assert len(make_plan(rehearsal, study_id="x").points) == 168
    assert max(rehearsal.nodes) * rehearsal.ranks_per_node == 6016


def test_run_6_asks_before_it_starts_and_needs_an_image():
    sent = {"preset": "run6", "image": "registry.example/lammps@sha256:0"}
    study = read_study(filled(sent))
    assert study.ask_approval
    assert study.cluster == "eks"
    assert len(make_plan(study, study_id="x").points) == 168
    with pytest.raises(StudyError, match="image: EKS needs one"):
        read_study(filled({"preset": "run6"}))


def test_run_6_has_time_enough_to_live():
    study = read_study(filled({"preset": "run6", "image": "x@sha256:0"}))
    assert estimate_study(study).duration_s < study.ttl_hours * 3600


def test_what_runs_every_night_is_a_preset():
    nightly = read_nightly()
    for name, settings in nightly.items():
        assert read_study(filled({"preset": name})) == settings.study
    assert set(nightly) <= set(presets.available())


def test_without_a_preset_nothing_changes():
    assert filled({"repeats": 5}) == FORM | {"repeats": 5}


def test_a_preset_fills_in_what_was_not_given(preset):
    assert filled({"preset": "some"}) == FORM | {"repeats": 20, "nodes": [8, 16]}


def test_what_was_given_wins_even_when_it_is_the_default(preset):
    assert filled({"preset": "some", "repeats": 3})["repeats"] == FORM["repeats"] == 3


def test_of_the_form_which_sends_every_field_those_that_were_changed_win(preset):
    sent = FORM | {"preset": "some", "repeats": 7}
    assert filled(sent) == FORM | {"repeats": 7, "nodes": [8, 16]}


def test_an_unknown_key_is_left_for_the_study_to_refuse(preset):
    with pytest.raises(StudyError, match="repaets"):
        read_study(filled({"preset": "some", "repaets": 7}))


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do(preset):
    with pytest.raises(StudyError, match="there is no 'run9'; choose from some"):
        filled({"preset": "run9"})


def test_what_came_of_a_preset_is_told(preset):
    params = FORM | {"preset": "some", "repeats": 7}
    assert presets.told(params, study=FORM | {"nodes": [8, 16], "repeats": 7}) == (
        "preset some sets repeats, nodes; given instead of its own: repeats 7"
    )
    assert presets.told(FORM | {"preset": None}, study=FORM) is None


@pytest.fixture
def simulated_start(monkeypatch):
    """An installation whose form starts with the preset `simulated_demo`."""
    monkeypatch.setenv(presets.START_VARIABLE, "simulated_demo")
    return presets.start().to_json()


def test_the_form_starts_with_the_demo():
    assert presets.start() == Study()


def test_the_form_starts_with_the_preset_that_an_installation_names(simulated_start):
    assert simulated_start == FORM | presets.load("simulated_demo")
    assert simulated_start["cluster"] == "simulated"


def test_a_form_cannot_start_with_a_preset_that_does_not_exist(monkeypatch):
    monkeypatch.setenv(presets.START_VARIABLE, "run9")
    with pytest.raises(StudyError, match="there is no 'run9'"):
        presets.start()


@pytest.mark.parametrize("name", presets.available())
def test_every_preset_can_be_chosen_in_a_form_that_starts_with_another(name, simulated_start):
    sent = simulated_start | {"preset": name}
    filled_in = presets.fill_in(sent, conf=sent)
    assert filled_in == simulated_start | presets.load(name)
    study = read_study(filled_in | {"image": "x@sha256:0"})  # run 6 needs one
    own = presets.load(name)
    assert study.cluster == own.get("cluster", "simulated")
    # one cluster's options are refused by another, so a preset brings both or none
    assert ("cluster" in own) == ("cluster_options" in own)
