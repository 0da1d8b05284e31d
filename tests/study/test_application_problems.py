"""Studies of an application that cannot run are refused before anything is made."""

from __future__ import annotations

import pytest

from include import applications
from include.errors import StudyError
from include.models import MpiImplementation, Study
from include.study.application_problems import application_problems
from include.study.plan import read_study

STUDY = Study(operators=("mpi_operator",), nodes=(2,))


def problems_of(**changes):
    return list(application_problems(STUDY.model_copy(update=changes)))


@pytest.mark.parametrize("application", ["osu", "hpcg", "amg2023"])
def test_the_local_cluster_refuses_a_program_that_its_image_lacks(application):
    (problem,) = problems_of(application=application)
    assert "the local cluster's image has no" in problem
    assert problems_of(application=application, cluster="existing") == []


def test_the_simulated_cluster_refuses_what_it_cannot_play():
    figure = {"name": "rate", "pattern": "rate ([0-9]+)", "unit": "1/s", "better": "higher"}
    options = {"program": "bench", "figures": [{**figure, "primary": True}]}
    (problem,) = problems_of(
        application="command", application_options=options, cluster="simulated"
    )
    assert "bench has no synthetic output" in problem
    assert "application_options.sample" in problem
    with_sample = {**options, "sample": ["rate 10"]}
    assert (
        problems_of(application="command", application_options=with_sample, cluster="simulated")
        == []
    )


@pytest.mark.parametrize("application", ["lammps", "osu", "hpcg", "amg2023", "hpcc"])
def test_the_simulated_cluster_plays_every_shipped_application(application):
    known = applications.load(application).mpi_implementations or (MpiImplementation.MPICH,)
    assert (
        problems_of(application=application, cluster="simulated", mpi_implementation=known[0]) == []
    )


def test_a_program_of_another_mpi_is_refused():
    (problem,) = problems_of(application="hpcc", mpi_implementation="mpich")
    assert problem == "mpi_implementation: HPC Challenge is built for openmpi; choose that"


def test_a_rank_count_that_the_program_does_not_have_is_refused():
    (problem,) = problems_of(
        application="netpipe", mpi_implementation="openmpi", nodes=(2, 4), ranks_per_node=1
    )
    assert "runs with 2 ranks, and 4 nodes with 1 each have 4" in problem


def test_a_study_with_such_a_problem_is_no_plan():
    with pytest.raises(StudyError, match="the local cluster's image has no"):
        read_study({"application": "osu", "operators": ["indexed_job"]})
