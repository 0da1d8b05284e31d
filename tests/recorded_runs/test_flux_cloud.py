import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import BenchmarkError
from include.models import Status
from include.recorded_runs import Source, flux_cloud
from include.recorded_runs._records import warm_up_names
from tests.recorded_runs.folders import (
    BOUND,
    SIZE,
    flux_folder,
    flux_log,
    lammps,
    loop_of,
    write,
    write_meta,
)

MATRIX = [*(f"lmp-4-{i}" for i in (1, 2, 3)), *(f"lmp-2-{i}" for i in (1, 2))]


def test_record_has_what_the_files_say_and_nothing_else(read, tmp_path):
    code, (first, second) = read(flux_folder(tmp_path / "run"))
    assert code == 0
    assert (first.k8s_operator, first.application, first.study_id) == (
        *("flux_operator", "lammps", "run"),
    )
    assert (first.nodes, first.ranks, first.ranks_per_node, first.repeat) == (2, 4, 2, 1)
    assert (loop_of(first), first.launcher_time_s, first.broker_time_s) == (
        40,
        50.21,
        51.04,
    )
    assert (first.binding, first.mpi_implementation) == ("core", "openmpi")
    assert (first.instance_type, first.kubernetes_version) == ("some.large", "1.23")
    unknown = ("cluster", "image", "image_digest", "operator_version", "order_seed", "phase")
    assert [getattr(first, name) for name in unknown] == [None] * len(unknown)
    assert (first.end_to_end_s, first.created_at, first.node_names) == (None, None, ())
    assert (first.status, first.error, first.simulated) == (Status.VALID, None, False)
    assert (second.point_id, second.repeat, second.order_index) == (f"lmp-2-2{SIZE}2", 2, 2)


def test_runs_stand_in_the_order_of_the_times_and_not_of_the_names(read, tmp_path):
    names = ["lmp-2-10", "lmp-2-9", "lmp-1-1", "lmp-1-2"]
    _, records = read(flux_folder(tmp_path / "run", names))
    assert [loop_of(record) for record in records] == [40, 41, 42, 43]


def test_without_meta_the_runs_are_imported_in_natural_order_and_it_is_said(read, tmp_path, capsys):
    names = ["lmp-2-10", "lmp-2-9"]
    code, records = read(flux_folder(tmp_path / "run", names, meta=False))
    assert code == 1
    assert [loop_of(record) for record in records] == [41, 40]
    assert records[0].ranks == 4
    assert "meta.json is missing" in capsys.readouterr().out


def test_broken_meta_is_a_problem_and_the_runs_are_imported(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    (root / "meta.json").write_text('{"times": {"minicluster-run-')
    code, records = read(root)
    assert (code, [record.status for record in records]) == (1, ["valid"] * 2)
    assert "meta.json cannot be read" in capsys.readouterr().out


def test_run_beyond_the_repeats_of_the_other_sizes_is_the_warm_up(read, tmp_path):
    _, records = read(flux_folder(tmp_path / "run", MATRIX))
    assert [record.is_warmup for record in records] == [True, False, False, False, False]
    assert [record.repeat for record in records] == [1, 1, 2, 1, 2]


def test_a_run_taken_for_a_warm_up_is_told(imported, tmp_path):
    imported(flux_folder(tmp_path / "run", MATRIX))
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"run: lmp-4-1{SIZE}4 is taken for a warm-up: it ran first" in page


def test_no_run_is_taken_for_a_warm_up_when_no_file_says_which_was_first(imported, tmp_path):
    _, records = imported(flux_folder(tmp_path / "run", MATRIX, meta=False))
    assert not any(record.is_warmup for record in records)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "sizes have unequal numbers of runs" in page


def test_published_rule_counts_the_extra_run(read, tmp_path):
    _, records = read(flux_folder(tmp_path / "run", MATRIX), options=["--published-rule"])
    assert not any(record.is_warmup for record in records)


@pytest.mark.parametrize("options", [(), ("--published-rule",)])
def test_folder_with_an_underscore_is_a_warm_up_under_both_rules(read, tmp_path, options):
    root = flux_folder(tmp_path / "run", ["_lmp-4-1", *MATRIX[1:]])
    code, records = read(root, options=options)
    assert (code, len(records)) == (0, 5)
    assert [r.point_id for r in records if r.is_warmup] == [f"_lmp-4-1{SIZE}4"]


def test_extra_run_of_a_size_that_ran_later_is_no_warm_up():
    names = ["lmp-2-1", "lmp-2-2", "lmp-4-1", "lmp-4-2", "lmp-4-3"]
    assert warm_up_names([run(name) for name in names]) == set()
    assert warm_up_names([run(name) for name in names[2:]]) == set()
    assert warm_up_names([run(name) for name in MATRIX]) == {"lmp-4-1"}
    assert warm_up_names([run(name) for name in (*MATRIX, "lmp-4-4")]) == set()


def run(name):
    from include.recorded_runs import Run

    return Run(name=name, file=None, nodes=int(name.split("-")[1]), ranks=4)


def test_missing_log_is_an_invalid_record_that_keeps_its_size(read, tmp_path):
    root = flux_folder(tmp_path / "run", MATRIX)
    (root / f"lmp-2-1{SIZE}2" / "log.out").unlink()
    code, records = read(root)
    (bad,) = (record for record in records if record.status != Status.VALID)
    assert (code, bad.status, bad.nodes, bad.ranks) == (1, "invalid", 2, 4)
    assert "meta.json names this run, but there is no log.out of it" in bad.error
    assert sum(record.is_warmup for record in records) == 1  # the missing run counts as a repeat


def test_error_names_the_file_and_the_line(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    text = flux_log()
    at = text.splitlines().index(
        "      10    300.78686   -113.28051    827.36847   -111.57907   -1.7014353     56153840"
    )
    lines = text.splitlines()
    lines[at] = lines[at].rpartition("56")[0]
    (root / f"lmp-2-1{SIZE}2" / "log.out").write_text("\n".join(lines) + "\n")
    _, records = read(root)
    assert records[0].error.startswith(
        f"ParseError: lmp-2-1{SIZE}2/log.out, line {at + 1}: a thermo row has 6"
    )


def test_job_that_ended_badly_is_failed(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    bad = flux_log().replace("complete: status=0", "complete: status=256")
    (root / f"lmp-2-2{SIZE}2" / "log.out").write_text(bad)
    code, records = read(root)
    assert (code, records[1].status, loop_of(records[1])) == (1, "failed", None)
    assert "completed with status 256" in records[1].error


def test_ranks_other_than_the_job_asked_for_are_invalid(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    meta = json.loads((root / "meta.json").read_text())
    meta["jobs"]["lmp-2-1"]["tasks"] = 8
    (root / "meta.json").write_text(json.dumps(meta))
    _, records = read(root)
    assert (records[0].status, records[0].ranks) == ("invalid", 8)
    assert "ran on 4 ranks instead of 8" in records[0].error


def test_energy_is_checked_for_the_problem_that_has_a_known_one(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    meta = (root / "meta.json").read_text()
    known = "lmp -v x 64 -v y 16 -v z 16 -in in.reaxc.hns -nocite"
    (root / "meta.json").write_text(meta.replace("lmp -in in.some.problem -nocite", known))
    _, records = read(root)
    assert "ran (4, 2432, 20) instead of (4, 4980736, 100)" in records[0].error


def test_command_without_an_affinity_option_leaves_the_binding_unknown(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    for log in root.glob("*/log.out"):
        log.write_text(flux_log(bound=""))
    _, records = read(root)
    assert [record.binding for record in records] == [None, None]


def test_times_of_an_hour_and_more_are_read(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    (root / f"lmp-2-1{SIZE}2" / "log.out").write_text(flux_log(submit="1:02:03", start="1:02:09"))
    _, records = read(root)
    assert (records[0].launcher_time_s, records[0].broker_time_s) == (3723, 3729)


def test_secret_in_a_faulty_line_is_not_stored(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    secret = 'secret-key = "' + "x" * 40 + '"'
    bad = flux_log().replace("Loop time of", f"Loop time of {secret}")
    (root / f"lmp-2-1{SIZE}2" / "log.out").write_text(bad)
    _, records = read(root)
    assert "x" * 40 not in records[0].error
    assert "[redacted]" in records[0].error


def test_synthetic_log_is_marked_as_simulated(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    (root / f"lmp-2-1{SIZE}2" / "log.out").write_text("SYNTHETIC log\n" + flux_log())
    _, records = read(root)
    assert [record.simulated for record in records] == [True, False]


WHOLE = flux_log().encode()


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=20))
def test_log_cut_anywhere_and_continued_by_anything_is_invalid_or_right(tmp_path_factory, at, rest):
    log = tmp_path_factory.mktemp("cut") / f"lmp-2-1{SIZE}2" / "log.out"
    write(log, "")
    log.write_bytes(WHOLE[:at] + rest)
    source = Source(layout=flux_cloud.ADAPTER, root=log.parent.parent, logs=(log,))
    (run,) = source.read(lambda _: None).runs
    if run.error is None:
        assert run.fields["figures"]["loop_time_s"] == 44.004
        times = [run.fields.get(name) for name in ("launcher_time_s", "broker_time_s")]
        assert times in ([50.21, 51.04], [50.21, None], [None, None])  # cut before: as not timed
    else:
        assert isinstance(run.error, BenchmarkError)
        assert "figures" not in run.fields


def test_options_of_the_synthetic_command_are_those_of_run_6():
    assert BOUND in flux_log()


def test_meta_of_something_else_is_not_taken(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    write(tmp_path / "run" / "other" / "meta.json", '{"name": "notes"}')
    code, _ = read(root)
    assert code == 0
    assert "run/other/meta.json: belongs to no layout, not read" in capsys.readouterr().out


def test_two_experiments_of_one_operator_are_kept_apart(imported, tmp_path):
    write_meta(flux_folder(tmp_path / "both" / "a"), ["lmp-2-1", "lmp-2-2"])
    flux_folder(tmp_path / "both" / "b")
    _, records = imported(tmp_path / "both")
    assert [record.study_id for record in records] == ["both/a", "both/a", "both/b", "both/b"]
    summary = (tmp_path / "out" / "summary.csv").read_text()
    assert "flux_operator (both/a),2,4,2" in summary
    assert "flux_operator (both/b),2,4,2" in summary


def untimed(log):
    return "".join(line for line in log.splitlines(keepends=True) if "FLUXTIME" not in line)


def test_logs_that_nothing_timed_are_valid_without_launcher_times(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    for log in root.glob("*/log.out"):
        log.write_text(untimed(log.read_text()))
    code, records = read(root)
    assert (code, {r.status for r in records}) == (0, {"valid"})
    assert [(loop_of(r), r.launcher_time_s, r.broker_time_s) for r in records] == [
        (40.0, None, None),
        (41.0, None, None),
    ]
    assert "no log has wall times of Flux' commands" in capsys.readouterr().out


def test_log_of_the_application_alone_is_valid(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    for index, log in enumerate(root.glob("*/log.out")):
        log.write_text(lammps(50 + index))
    code, records = read(root)
    assert (code, [r.ranks for r in records]) == (0, [4, 4])


def test_log_without_the_times_that_the_others_have_was_cut(read, tmp_path):
    root = flux_folder(tmp_path / "run")
    log = root / f"lmp-2-2{SIZE}2" / "log.out"
    log.write_text(untimed(log.read_text()))
    code, records = read(root)
    assert (code, [r.status for r in records]) == (1, ["valid", "invalid"])


def test_log_whose_events_stop_was_cut(read, tmp_path):
    cut = untimed(flux_log()).partition("ƒLGqfV1: 78")[0]
    write(tmp_path / "run" / f"lmp{SIZE}2" / "log.out", cut)
    code, (record,) = read(tmp_path / "run")
    assert (code, record.status) == (1, "invalid")
    assert "events stop before its end" in record.error


def test_command_that_the_broker_saw_fail_is_failed(read, tmp_path):
    ended = "broker.info[0]: rc2.0: flux mini submit -N 2 lmp Exited (rc=1) 67.8s\n"
    write(tmp_path / "run" / f"lmp{SIZE}2" / "log.out", lammps() + ended)
    code, (record,) = read(tmp_path / "run")
    assert (code, record.status) == (1, "failed")
    assert "exited with code 1" in record.error


def test_meta_with_a_byte_order_mark_is_read(read, tmp_path):
    root = flux_folder(tmp_path / "run", ("lmp-2-2", "lmp-2-1"))
    meta = root / "meta.json"
    meta.write_bytes(b"\xef\xbb\xbf" + meta.read_bytes())
    code, records = read(root)
    assert (code, [loop_of(r) for r in records]) == (0, [40.0, 41.0])


def test_runs_of_one_problem_are_one_cell_whatever_their_logs_tell_beside_it(imported, tmp_path):
    root = flux_folder(tmp_path / "run")
    for index, log in enumerate(sorted(root.glob("*/log.out"))):
        log.write_text(lammps(50) if index else untimed(flux_log()))
    _, records = imported(root)
    assert [record.application for record in records] == ["lammps", "lammps"]
    assert len((tmp_path / "out" / "summary.csv").read_text().splitlines()) == 2


def test_time_that_no_log_of_the_experiment_has_is_unknown(read, tmp_path, capsys):
    root = flux_folder(tmp_path / "run")
    for log in root.glob("*/log.out"):
        text = log.read_text()
        log.write_text(
            "".join(li for li in text.splitlines(keepends=True) if "fluxstart" not in li)
        )
    code, records = read(root)
    assert (code, [(r.launcher_time_s, r.broker_time_s) for r in records]) == (
        0,
        [(50.21, None), (50.21, None)],
    )
    assert "no log has a wall time of fluxstart: broker_time_s is not known" in (
        capsys.readouterr().out
    )
