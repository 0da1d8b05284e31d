from __future__ import annotations

import pytest

from include import applications, k8s_operators
from include.applications import _lammps_synthetic
from include.errors import JobFailed, ParseError, StudyError
from include.k8s_operators import Launch
from include.redact import redact
from include.simulation import durations, player, script
from include.simulation.performance import LOSSES, SCRIPTS
from include.simulation.settings import Fault
from tests.parsers.flux_pods import RECORDED, form_of, texts_of

LAMMPS = applications.load("lammps")
FLUX = k8s_operators.load("flux_operator")
OPTIONS = LAMMPS.read_options({"x": 64, "y": 16, "z": 16})
OPERATORS = ("mpi_operator", "flux_operator")


@pytest.fixture(params=OPERATORS)
def operator(request):
    return k8s_operators.load(request.param)


def run_of(operator, *, nodes=64, fault=None, point="64n-r1"):
    drawn = durations.draw(launch=operator.launch, nodes=nodes, seed=1, point_id=point)
    output = LAMMPS.synthetic_output(OPTIONS, ranks=94 * nodes, run_time_s=drawn.run_time_s)
    return script.Run(
        nodes=nodes, ranks=94 * nodes, time_scale=0.1, drawn=drawn, output=output, fault=fault
    )


def log_of(operator, run):
    lines, code = SCRIPTS[operator.launch](run)
    return [run.opening(), "launcher started", *(line.text for line in lines)], code


@pytest.mark.parametrize("nodes", [8, 16, 32, 64])
def test_our_own_parsers_read_a_synthetic_log_and_its_check_passes(operator, nodes):
    run = run_of(operator, nodes=nodes)
    log, code = log_of(operator, run)
    operator.confirm_success(log)
    result = LAMMPS.parse(log)
    LAMMPS.check(result, options=OPTIONS, ranks=94 * nodes)
    assert code == 0
    assert result.figures["loop_time_s"] == pytest.approx(run.drawn.run_time_s, rel=1e-4)
    assert operator.launcher_time_s(log) == pytest.approx(run.drawn.launcher_time_s, abs=0.011)
    if operator.launch is Launch.FLUX:
        assert operator.broker_time_s(log) == pytest.approx(run.drawn.broker_time_s, abs=0.011)


def test_the_first_line_says_synthetic_and_how_time_was_shortened(operator):
    log, _ = log_of(operator, run_of(operator))
    assert log[0].startswith("SYNTHETIC")
    assert "0.1" in log[0]


def test_lines_come_in_the_order_of_time(operator):
    lines, _ = SCRIPTS[operator.launch](run_of(operator))
    times = [line.at_s for line in lines]
    assert times == sorted(times)


def test_a_failing_launcher_is_told_by_exit_code_or_by_flux(operator):
    log, code = log_of(operator, run_of(operator, fault=Fault.LAUNCHER_FAILS))
    if operator.launch is Launch.FLUX:
        assert code == 0
        with pytest.raises(JobFailed, match="its pod says success"):
            operator.confirm_success(log)
    else:
        assert code == 1


def test_a_truncated_log_is_not_read_as_a_result(operator):
    log, code = log_of(operator, run_of(operator, fault=Fault.TRUNCATED_LOG))
    assert code == 0
    with pytest.raises(ParseError):
        LAMMPS.parse(log)


def test_the_certificate_in_a_synthetic_log_is_redacted():
    log, _ = log_of(FLUX, run_of(FLUX))
    assert "SYNTHETIC-SECRET" in "\n".join(log)
    assert "SYNTHETIC-SECRET" not in redact("\n".join(log))


@pytest.mark.parametrize(
    ("fault", "recorded"),
    [(None, "ok_2nodes.log"), (Fault.LAUNCHER_FAILS, "bad_input_2nodes.log")],
)
def test_a_synthetic_broker_log_has_the_form_of_a_real_one(fault, recorded):
    log, _ = log_of(FLUX, run_of(FLUX, fault=fault))
    synthetic, real = form_of(log), form_of(texts_of(RECORDED / recorded))
    seldom = {"<6>cron.info[0]: synchronizing", "<6>job-manager.info[0]: restart:"}
    assert _once(synthetic) == [kind for kind in _once(real) if kind not in seldom]


def test_a_synthetic_loss_of_a_host_has_the_form_of_a_real_one():
    texts, code = LOSSES[Launch.FLUX](run_of(FLUX), 30.0)
    real = form_of(texts_of(RECORDED / "lost_worker_2nodes.log"))
    begins = real.index("<6>job-exec.info[0]: job-exception:")
    assert code == 0
    assert _once(form_of(texts)) == _once(real[begins:])
    with pytest.raises(JobFailed, match="exit code 143"):
        FLUX.confirm_success(texts)


def _once(kinds):
    """Without repetitions that follow each other: as many `online` lines as brokers came late."""
    return [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]


def test_lines_of_a_synthetic_log_end_as_those_of_a_container_do():
    log, _ = log_of(FLUX, run_of(FLUX))
    assert not any(line.endswith("\r") for line in log)


def test_durations_are_the_same_for_the_same_point_and_differ_between_points():
    def loop(point, seed=1):
        drawn = durations.draw(launch=Launch.SSH, nodes=64, seed=seed, point_id=point)
        return drawn.run_time_s

    assert loop("r1") == loop("r1")
    assert len({loop("r1"), loop("r2"), loop("r1", seed=2)}) == 3


@pytest.mark.parametrize(("operator", "nodes", "median"), [("mpi_operator", 8, 74.62)])
def test_durations_lie_around_the_medians_of_run_6_with_few_slow_outliers(operator, nodes, median):
    loops = sorted(
        durations.draw(
            launch=k8s_operators.load(operator).launch, nodes=nodes, seed=1, point_id=f"r{repeat}"
        ).run_time_s
        for repeat in range(400)
    )
    assert loops[200] == pytest.approx(median, rel=0.005)
    slow = [loop for loop in loops if loop > 1.06 * median]
    assert 0.02 < len(slow) / len(loops) < 0.09


def test_sizes_that_run_6_had_not_lie_between_their_neighbours():
    def loop(nodes):
        return durations._median(durations.RUN_6[Launch.FLUX], nodes, 0)

    assert loop(16) == pytest.approx(41.73)
    assert loop(64) < loop(48) < loop(32)
    assert loop(1024) < loop(64)


def test_an_application_without_a_model_cannot_be_simulated():
    class Other(type(LAMMPS)):
        name = "other"
        synthetic_output = applications.Application.synthetic_output

    with pytest.raises(StudyError, match="other has no synthetic output"):
        Other().synthetic_output(OPTIONS, ranks=1, run_time_s=1.0)


def test_the_processor_grid_has_as_many_cells_as_ranks():
    for ranks in (1, 2, 7, 94, 752, 6016):
        x, y, z = _lammps_synthetic.grid(ranks)
        assert x * y * z == ranks


@pytest.mark.parametrize("launch", durations.RUN_6)
@pytest.mark.parametrize("nodes", [1, 2, 4, 8, 1024])
@pytest.mark.parametrize("run_s", [None, 5])
def test_a_launcher_takes_longer_than_its_application_at_every_size(launch, nodes, run_s):
    for repeat in range(20):
        drawn = durations.draw(
            launch=launch, nodes=nodes, seed=1, point_id=f"p-{repeat}", run_s=run_s
        )
        assert 0 < drawn.run_time_s < drawn.launcher_time_s <= drawn.broker_time_s


def test_an_image_that_became_slower_takes_longer_by_its_factor():
    def drawn(slowdown):
        return durations.draw(
            launch=Launch.SSH, nodes=8, seed=1, point_id="8n-r1", slowdown=slowdown
        ).run_time_s

    assert drawn(1.05) == pytest.approx(1.05 * drawn(1.0), rel=1e-5)
    slow = {"spec": {"containers": [{"image": "app:2"}]}}
    assert player.image_of(slow) == "app:2"
    assert player.image_of({"spec": {}}) == ""
