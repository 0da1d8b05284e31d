"""Presets: each is a study that can run, and what a person gives wins over it."""

from __future__ import annotations

import pytest

from include.errors import StudyError
from include.models import Study
from include.regression.settings import NightlyStudy, read_nightly
from include.study import presets
from include.study.plan import read_study
from tests.plans import estimate_study, make_plan

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


def test_the_lean_rehearsal_is_the_study_run6_lean_on_simulated_nodes():
    ours, theirs = presets.load("rehearsal_lean"), presets.load("run6_lean")
    of_the_place = {"name", "cluster", "cluster_options", "binding"}
    of_the_place |= {"ttl_hours", "ask_approval", "max_usd"}
    assert {k: v for k, v in ours.items() if k not in of_the_place} == {
        k: v for k, v in theirs.items() if k not in of_the_place
    }
    assert ours["cluster_options"]["hourly_price_usd"] > 0


def test_run6_lean_asks_run_6_s_question_for_less_money():
    image = {"image": "x@sha256:0"}
    full, lean = (read_study(filled({"preset": name} | image)) for name in ("run6", "run6_lean"))
    same = ("operators", "ranks_per_node", "application_options", "pod_resources", "repeats")
    assert all(getattr(full, name) == getattr(lean, name) for name in same)
    assert sorted(full.nodes) == sorted(lean.nodes)
    assert estimate_study(lean).usd < 0.6 * estimate_study(full).usd
    assert estimate_study(lean).duration_s < lean.ttl_hours * 3600


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


@pytest.mark.parametrize("application", ["hpcc", "netpipe"])
def test_a_study_that_names_no_mpi_gets_the_one_its_application_is_built_for(application):
    for sent in ({"application": application}, FORM | {"application": application}):
        assert filled(sent)["mpi_implementation"] == "openmpi"
    assert filled({"application": "lammps"})["mpi_implementation"] == "mpich"


def test_an_mpi_that_was_named_and_does_not_fit_is_refused():
    sent = {"application": "hpcc", "mpi_implementation": "mpich", "cluster": "existing"}
    with pytest.raises(StudyError, match="HPC Challenge is built for openmpi; choose that"):
        read_study(filled(sent))


def test_a_preset_s_mpi_is_not_changed(preset, tmp_path):
    (tmp_path / "other.yaml").write_text("# Other\napplication: hpcc\nmpi_implementation: mpich\n")
    assert filled({"preset": "other"})["mpi_implementation"] == "mpich"


def test_a_study_of_every_night_has_its_application_s_mpi():
    settings = {
        "timezone": "UTC",
        "schedule": "0 2 * * *",
        "study": {"application": "hpcc", "nodes": [2]},
    }
    assert NightlyStudy.model_validate(settings).study.mpi_implementation == "openmpi"


def test_an_unknown_application_is_left_for_the_plan_to_refuse():
    with pytest.raises(StudyError, match="applications has no 'hpc'; did you mean hpcg"):
        read_study(filled({"application": "hpc"}))


def test_an_unknown_key_is_left_for_the_study_to_refuse(preset):
    with pytest.raises(StudyError, match="repaets"):
        read_study(filled({"preset": "some", "repaets": 7}))


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do(preset):
    with pytest.raises(StudyError, match="there is no 'run9'; choose from some"):
        filled({"preset": "run9"})


def test_what_came_of_a_preset_is_told(preset):
    params = FORM | {"preset": "some", "repeats": 7}
    assert presets.described(params, study=FORM | {"nodes": [8, 16], "repeats": 7}) == (
        "preset some sets repeats, nodes; given instead of its own: repeats 7"
    )
    assert presets.described(FORM | {"preset": None}, study=FORM) is None


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


def test_a_field_that_is_kept_wins_although_it_is_as_the_form_shows_it(preset):
    sent = FORM | {"preset": "some", "keep": ["nodes"]}
    assert filled(sent) == FORM | {"repeats": 20}
    with pytest.raises(StudyError, match="keep: 'node' is no field of a study; did you mean nodes"):
        filled(FORM | {"preset": "some", "keep": ["node"]})


def test_presets_are_offered_by_what_they_cost():
    names = presets.by_cost()
    assert set(names) == set(presets.available())
    spends = [presets.load(name).get("max_usd") is not None for name in names]
    assert spends == sorted(spends)
    assert names[0] == "smoke"
    assert set(names[-2:]) == {"run6", "run6_lean"}
