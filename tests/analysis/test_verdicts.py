import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.drift import drift
from include.analysis.scaling import scaling
from include.analysis.verdicts import are_interleaved, uncompared
from tests.analysis.synthetic import record, study_records

TIMES = [71.0, 71.1, 71.2, 71.3, 71.4, 71.5, 71.6, 71.7, 71.8, 71.9]
SHUFFLED = [3, 7, 0, 9, 4, 1, 8, 2, 6, 5]  # of their order: no drift


def arm(operator, *, factor=1.0, times=None, n=10, first=1, **changes):
    times = times or [TIMES[i] for i in SHUFFLED][:n]
    return [
        record(
            k8s_operator=operator,
            loop_time_s=factor * value,
            repeat=i + 1,
            order_index=first + i,
            **changes,
        )
        for i, value in enumerate(times)
    ]


def verdict_of(*records):
    (found,) = analyse(table.to_frame([r for arm in records for r in arm])).verdicts
    return found


def mpi(**changes):
    return arm("mpi_operator", **changes)


def flux(**changes):
    return arm("flux_operator", **{"factor": 0.958, "first": 11} | changes)


def test_verdict_is_one_sentence_with_effect_interval_and_counts():
    found = verdict_of(mpi(), flux())
    assert found.winner == "flux_operator"
    assert found.reasons == ()
    start, end = found.sentence.split(", 95 % interval ")
    assert start == "Flux Operator is 4.2 % faster"
    assert end.endswith(" %, n = 10 + 10.")
    low, high = (float(text) for text in end.partition(" %")[0].split(" to "))
    assert low < 4.2 < high


def test_slower_operator_is_named_with_the_winner_being_the_other():
    found = verdict_of(mpi(), flux(factor=1.1))
    assert found.winner == "mpi_operator"
    assert found.sentence.startswith("Flux Operator is 10.0 % slower, 95 % interval")


def test_equal_populations_name_no_winner():
    found = verdict_of(mpi(), flux(factor=1.0))
    assert (found.winner, found.reasons) == (None, ())
    assert "Flux Operator and MPI Operator cannot be told apart" in found.sentence


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"binding": "core"}, "binding differs (core; none)"),
        ({"image_digest": "sha256:" + "ff" * 32}, "image digest differs (sha256:ffffffffffff; "),
        ({"kubernetes_version": "v1.36.0"}, "Kubernetes version differs (1.36.0; 1.35.0)"),
        ({"instance_type": "hpc6a"}, "instance type differs (hpc6a; unknown)"),
        ({"application": "other"}, "application differs (other; lammps)"),
        ({"mpi_implementation": "openmpi"}, "MPI implementation differs (openmpi; mpich)"),
        ({"ranks_per_node": 2}, "ranks per node differs (2; 1)"),
        ({"cluster": "eks"}, "cluster differs (eks; local)"),
        ({"study_id": "other"}, "recorded in different studies (demo-20260301, other)"),
        ({"simulated": True}, "simulated"),
        ({"n": 5}, "fewer than 6 valid repeats (5)"),
    ],
)
def test_verdict_is_withheld_with_the_reason(changes, reason):
    found = verdict_of(mpi(), flux(**changes))
    assert found.winner is None
    assert any(given.startswith(reason) for given in found.reasons)
    assert found.sentence.startswith("No verdict: ")
    assert "Measured: Flux Operator" in found.sentence


def test_mixed_set_ups_within_both_operators_are_a_reason():
    mixed = [r.model_copy(update={"binding": None}) for r in mpi()[:3]] + mpi()[3:]
    assert any("binding differs" in reason for reason in verdict_of(mixed, flux()).reasons)


def test_image_tags_do_not_matter_when_the_digest_is_the_same():
    assert verdict_of(mpi(), flux(image="another:tag")).winner == "flux_operator"
    unknown = {"image_digest": None}
    found = verdict_of(mpi(**unknown), flux(image="another:tag", **unknown))
    assert any(reason.startswith("image differs") for reason in found.reasons)


def test_what_is_unknown_for_both_matters_between_studies_only():
    unknown = {"instance_type": None, "image_digest": None}
    assert verdict_of(mpi(**unknown), flux(**unknown)).winner == "flux_operator"
    found = verdict_of(mpi(**unknown), flux(**unknown, study_id="other"))
    assert {"image digest unknown for both", "instance type unknown for both"} <= set(found.reasons)


def test_versions_are_compared_as_finely_as_both_are_known():
    shorter = flux(kubernetes_version="1.35")
    assert verdict_of(mpi(kubernetes_version="v1.35.15-eks-1"), shorter).reasons == ()
    assert verdict_of(mpi(kubernetes_version="v1.36.1"), shorter).reasons != ()


def test_drift_as_large_as_the_effect_withholds_the_verdict():
    drifting = [70.0 + 0.5 * i for i in range(10)]
    found = verdict_of(mpi(), flux(times=drifting))
    assert any(
        reason.startswith("drift as large as the effect (Flux Operator changes by +3.")
        for reason in found.reasons
    )
    small = [60.0 + 0.01 * i for i in range(10)]
    assert verdict_of(mpi(), flux(times=small)).reasons == ()


def test_drift_over_interleaved_runs_is_shared_and_no_reason():
    drifting = [70.0 + 0.5 * i for i in range(10)]
    records = [
        run.model_copy(update={"order_index": 2 * index + place})
        for place, runs in enumerate((mpi(times=drifting), flux(times=drifting)), start=1)
        for index, run in enumerate(runs)
    ]
    assert verdict_of(records).reasons == ()


@pytest.mark.parametrize(
    ("mpi_order", "flux_order", "expected"),
    [
        ([1, 3], [2, 4], True),
        ([1, 4], [2, 3], True),
        ([1, 2], [3, 4], False),
        ([1], [2], False),
        ([1, 2, 3], [4, 5, 6], False),
    ],
)
def test_runs_that_take_turns_are_interleaved_however_few(mpi_order, flux_order, expected):
    orders = [("mpi_operator", each) for each in mpi_order]
    orders += [("flux_operator", each) for each in flux_order]
    runs = [record(k8s_operator=name, order_index=order) for name, order in orders]
    names = ["mpi_operator", "flux_operator"]
    assert are_interleaved(table.to_frame(runs), names) == expected


def test_size_without_a_valid_run_of_an_operator_is_named():
    records = [*mpi(), *flux(status="failed"), *flux(nodes=4, ranks=4), *mpi(nodes=4, ranks=4)]
    frame = table.to_frame(records)
    assert uncompared(frame) == ("2 nodes (2 ranks): no valid loop time of Flux Operator.",)
    assert len(analyse(frame).verdicts) == 1


def test_drift_has_correlation_and_change_of_halves():
    frame = table.to_frame([*mpi(times=[10.0 - i / 10 for i in range(10)]), *flux()])
    falling, steady = drift(frame).to_dict(orient="records")
    assert falling["spearman_rho"] == pytest.approx(-1)
    assert falling["is_drift"]
    assert falling["half_change_percent"] == pytest.approx(100 * (9.3 / 9.8 - 1))
    assert falling["half_change_low_percent"] <= falling["half_change_percent"]
    assert not steady["is_drift"]


@pytest.mark.parametrize("times", [[1.0] * 8, [1.0, 2.0, 3.0, 4.0, 5.0]])
def test_equal_or_too_few_runs_have_no_drift(times):
    (row,) = drift(table.to_frame(mpi(times=times))).to_dict(orient="records")
    assert not row["is_drift"]
    assert row["spearman_rho"] != row["spearman_rho"]  # NaN


def test_efficiency_is_speed_up_over_the_growth_in_ranks():
    sizes = [(1, 8.0), (2, 4.0), (4, 4.0)]
    records = [r for n, t in sizes for r in mpi(nodes=n, ranks=n, times=[t] * 6)]
    found = scaling(table.to_frame(records))
    assert found["speed_up"].tolist() == [1, 2, 2]
    assert found["efficiency_percent"].tolist() == [100, 100, 50]
    assert found["efficiency_low_percent"].isna().tolist() == [True, False, False]
    assert found["efficiency_high_percent"].tolist()[1:] == [100, 50]


def test_each_operator_scales_against_its_own_smallest_size():
    records = study_records(nodes=(1, 2), repeats=6)
    found = scaling(table.to_frame(r for r in records if (r.k8s_operator, r.nodes) != ("x", 1)))
    assert found[found["nodes"] == 1]["speed_up"].tolist() == [1, 1]


def test_analysis_of_nothing_is_empty():
    found = analyse(table.to_frame([]))
    assert found.verdicts == ()
    assert found.comparisons.empty
    assert found.drifts.empty
    assert found.scaling.empty


def test_variants_of_one_operator_are_compared_and_own_flags_are_no_declared_binding():
    plain = flux(variant="v1", binding=None)
    bound = flux(variant="v2", binding=None, factor=0.9, first=21)
    found = analyse(
        table.to_frame([*mpi(), *plain, *bound]),
        operators=("mpi_operator", "flux_operator v1", "flux_operator v2"),
    )
    by_pair = {(each.baseline, each.operator): each for each in found.verdicts}
    assert by_pair["flux_operator v1", "flux_operator v2"].winner == "flux_operator v2"
    for variant in ("v1", "v2"):
        against_mpi = by_pair["mpi_operator", f"flux_operator {variant}"]
        assert against_mpi.winner is None
        assert against_mpi.reasons == ("binding differs (unknown; none)",)
    assert list(found.summary["k8s_operator"]) == [
        "mpi_operator",
        "flux_operator v1",
        "flux_operator v2",
    ]
