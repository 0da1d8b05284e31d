from __future__ import annotations

import pytest

from include.errors import StudyError
from include.models import Design, Study
from include.study.plan import read_study, study_id_of
from tests.plans import make_plan

FAKE = {
    "cluster": "fake",
    "cluster_options": {"journal": "unused"},
    "operators": ["mpi_operator", "indexed_job"],
}


def plan(**changes):
    study = Study(**{"warmups": 1, "repeats": 2, "nodes": (1, 2), **changes})
    return make_plan(study, study_id="demo-1234abcd", workers=max(study.nodes))


def test_swap_runs_one_operator_after_the_other_with_warm_ups_first():
    runs = [(p.k8s_operator, p.nodes, p.is_warmup, p.repeat) for p in plan().points]
    cell = [(True, 1), (False, 1), (False, 2)]
    assert runs == [
        (operator, nodes, *run)
        for operator in ("mpi_operator", "indexed_job")
        for nodes in (1, 2)
        for run in cell
    ]


def test_points_are_counted_through_all_phases():
    points = plan().points
    assert [point.order_index for point in points] == list(range(1, 13))
    assert {point.points_in_study for point in points} == {12}
    assert [phase.operators for phase in plan().phases] == [("mpi_operator",), ("indexed_job",)]


def test_node_counts_keep_the_studys_order():
    assert [point.nodes for point in plan(nodes=(2, 1), warmups=0, repeats=1).points][:2] == [2, 1]


def test_interleaved_has_one_phase_and_every_operator_in_every_block():
    interleaved = plan(design=Design.INTERLEAVED, repeats=5)
    assert len(interleaved.phases) == 1
    blocks: dict[int, list] = {}
    for point in interleaved.points:
        blocks.setdefault(point.block, []).append(point)
    for points in blocks.values():
        assert sorted(p.k8s_operator for p in points) == ["indexed_job", "mpi_operator"]
        assert len({(p.nodes, p.repeat, p.is_warmup) for p in points}) == 1


def test_interleaved_order_depends_on_the_seed_alone():
    one, same, other = (plan(design=Design.INTERLEAVED, repeats=9, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one.points != other.points


def test_interleaved_warm_ups_come_before_every_repeat():
    points = plan(design=Design.INTERLEAVED).points
    assert [point.is_warmup for point in points] == [True] * 4 + [False] * 8


def test_point_ids_differ_and_fit_a_dns_label():
    ids = [point.point_id for point in plan(nodes=(1, 512), repeats=20).points]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "demo-1234abcd-mpi-operator-1n-w1"


def test_name_that_is_too_long_says_by_how_much():
    with pytest.raises(StudyError, match=r"at most 63: choose a study name \d+ shorter"):
        make_plan(Study(), study_id="a" * 45, workers=2)


def test_study_id_is_the_same_for_the_same_run_only():
    assert study_id_of(name="demo", run_id="r1") == study_id_of(name="demo", run_id="r1")
    assert study_id_of(name="demo", run_id="r1") != study_id_of(name="demo", run_id="r2")


def test_good_study_is_read():
    assert read_study(FAKE).operators == ("mpi_operator", "indexed_job")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"repaets": 3}, "repaets: there is no such field; did you mean repeats\\? \\(given: 3\\)"),
        ({"nodes": []}, "nodes: needs at least one value"),
        ({"nodes": [0]}, "nodes.0: must be 1 or more"),
        ({"nodes": [-2]}, "nodes.0"),
        ({"nodes": [1, 1]}, "nodes: .* names one twice"),
        ({"operators": []}, "operators: needs at least one value"),
        ({"operators": ["mpi"]}, "k8s_operators has no 'mpi'; choose from .*mpi_operator"),
        ({"operators": ["indexed_job", "indexed_job"]}, "names one twice"),
        ({"cluster": "gke"}, "clusters has no 'gke'; choose from .*existing"),
        ({"application": "gromacs"}, "applications has no 'gromacs'; choose from .*lammps"),
        (
            {"cluster_options": {"nodez": 3}},
            "cluster_options.nodez: there is no such field; choose from",
        ),
        ({"application_options": {"x": 0}}, "application_options.x: must be 1 or more"),
        ({"application_options": {"x": 3}}, "no reference energy for x 3 y 1 z 1"),
        ({"operator_options": {"mpi_operator": {"qps": 1}}}, "operator_options.mpi_operator.qps"),
        ({"operator_options": {"nobody": {}}}, "operator_options.nobody: .*choose from"),
        ({"repeats": 0}, "repeats: must be 1 or more"),
        ({"ranks_per_node": 0}, "ranks_per_node"),
        ({"name": "Not A Label"}, "name: must be at most 24 lower-case letters"),
        ({"binding": "socket"}, "binding: must be 'none', 'core' or 'numa'"),
        ({"nodes": [9]}, "the fake cluster has 8, not 9"),
        ({"point_timeout_s": 0}, "point_timeout_s"),
        ({"nodes": "2"}, "nodes: must be a list"),
        ({"node": [2]}, "node: there is no such field; did you mean nodes"),
        ({"operators": ["mpi-operator"]}, "did you mean mpi_operator\\? choose from"),
        ({"repeats": 2.5}, "repeats: must be a whole number"),
        ({"repeats": 500}, "repeats: must be 100 or less"),
        ({"max_usd": -5}, "max_usd: must be 0 or more \\(given: -5\\)"),
        ({"node_order": "descending"}, "node_order: descending needs the design interleaved"),
        ({"spare_nodes": 2}, "spare_nodes: nodes are given back only with node_order descending"),
        ({"repeats_min": 5}, "repeats_min: must be 6 or more"),
        ({"repeats_min": 6}, "repeats_min: 6 is more than the 3 repeats"),
        ({"precision_percent": 2}, "precision_percent: give repeats_min too"),
        (
            {"repeats_min": 6, "repeats": 9},
            "repeats_min: .* design swap, or stop_by spread ends early by precision only",
        ),
        (
            {
                "repeats_min": 6,
                "repeats": 9,
                "design": "interleaved",
                "operators": ["indexed_job"],
            },
            "repeats_min: one operator alone",
        ),
        ({"pod_resources": {"cpu": "all"}}, "pod_resources.cpu: is no amount"),
        ({"pod_resources": {"memroy": "340G"}}, "pod_resources.memroy: is no resource"),
        ({"pod_resources": {"memory": "340 GB"}}, "pod_resources.memory: is no amount; .*512Mi"),
    ],
)
def test_wrong_study_is_refused_in_words(change, said):
    with pytest.raises(StudyError, match=said):
        read_study({**FAKE, **change})


@pytest.mark.parametrize("cluster", ["local", "simulated"])
def test_login_to_a_registry_is_refused_where_nodes_pull_nothing(cluster):
    with pytest.raises(StudyError, match=f"image_pull_secret: nodes of the cluster {cluster} pull"):
        read_study({"cluster": cluster, "image_pull_secret": "~/.docker/config.json"})


def test_several_mistakes_are_told_together():
    with pytest.raises(StudyError) as caught:
        read_study({**FAKE, "repeats": 0, "nodez": [1], "binding": "socket"})
    assert len(str(caught.value).splitlines()) == 3
