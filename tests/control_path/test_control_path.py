from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from datetime import UTC, datetime

import psutil
import pytest
from matplotlib.figure import Figure

from include import k8s_operators
from include.control_path import (
    arrivals,
    document,
    figure,
    lab,
    made_with,
    many,
    many_text,
    study,
)
from include.control_path.__main__ import main
from include.control_path.arms import arms
from include.control_path.cells import medians, power, side_by_side, valid_runs
from include.control_path.load import AuditLog, Request, Usage, count_requests, usage
from include.control_path.machine import machine
from include.control_path.rows import (
    BATCHES,
    REQUESTS,
    RUNS,
    Batch,
    RequestCount,
    Run,
    read,
    write,
)
from include.control_path.study import Matrix, Store
from include.errors import BenchmarkError, JobFailed, JobTimeout
from include.kube.watch import Change
from include.simulation.programs import AS_IT_COMES

NAMES = ("mpi_operator", "mpi_operator-fast", "flux_operator")
INDEX = "batch.kubernetes.io/job-completion-index"


def run_of(arm="mpi_operator", *, nodes=8, repeat=1, **changes):
    operator = arms()[arm]
    values = {
        "arm": arm,
        "k8s_operator": operator.k8s_operator,
        "operator_version": "synthetic",
        "client_qps": operator.client.qps if operator.client else None,
        "client_burst": operator.client.burst if operator.client else None,
        "queue_qps": operator.queue.qps if operator.queue else None,
        "queue_burst": operator.queue.burst if operator.queue else None,
        "control_plane_qps": 200,
        "cluster_nodes": 128,
        "machine": "2 cores (synthetic)",
        "nodes": nodes,
        "repeat": repeat,
        "started_at": datetime(2026, 1, 2, tzinfo=UTC),
        "status": "valid",
        "pods": nodes + 1,
        "pods_created_s": nodes / 5,
        "pods_scheduled_s": nodes / 5 + 0.1,
        "pods_running_s": nodes / 5 + 0.2,
        "released_s": nodes / 5 + 0.2,
        "pods_ended_s": nodes / 5 + 0.3,
        "terminal_s": nodes / 5 + 1.3,
        "delete_s": nodes / 5 + 1.3,
        "gone_s": nodes / 5 + 2.3,
        "requests_operator": 2 * nodes,
        "requests_controller_manager": 4 * nodes,
        "cpu_operator_s": 0.1 if operator.client else None,
        "peak_operator_mib": 60.0 if operator.client else None,
    }
    return Run.model_validate({**values, **changes})


def matrix(**changes):
    values = {
        "arms": tuple(arms().values()),
        "nodes": (8, 64, 128),
        "repeats": 2,
        "cell_limit_s": 20.0,
        "job_limit_s": 60.0,
    }
    return Matrix(**{**values, **changes})


def pod(name, phase="Pending", *, index=0, node=None):
    return {
        "metadata": {"name": name, "labels": {INDEX: str(index)}},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase},
    }


def told(observer, *pods, gone=False):
    for each in pods:
        observer.put(Change(kind="Pod", obj=each, gone=gone))


def observer(*, nodes=2):
    return arrivals.Arrivals(k8s_operators.load("indexed_job"), nodes=nodes)


def test_limits_are_upstreams_unless_the_arm_says_otherwise():
    known = arms()
    own, client, both = (known[f"mpi_operator{name}"] for name in ("", "-fast-client", "-fast"))
    assert (own.limits, own.client.qps, own.queue.qps) == (AS_IT_COMES, 5, 10)
    assert (client.client.qps, client.queue.qps) == (200, 10)
    assert (both.client.qps, both.queue.qps) == (200, 1000)
    assert (known["flux_operator"].limits, known["flux_operator"].client.qps) == (AS_IT_COMES, 20)
    assert known["indexed_job"].client is None


def test_arm_that_shows_nothing_new_in_large_jobs_has_none(tmp_path):
    due = study._due(arms()["mpi_operator-fast-client"], matrix(nodes=(64, 256)), Store(tmp_path))
    assert list(due) == [(64, 1), (64, 2)]


def test_each_step_of_a_pod_is_taken_when_it_is_first_told():
    seen = observer()
    told(seen, pod("a"), pod("a", node="n"), pod("a", "Running", node="n"))
    first = seen.running["a"]
    told(seen, pod("a", "Running", node="n"))
    assert seen.running["a"] == first
    assert seen.created["a"] <= seen.scheduled["a"] <= seen.running["a"]
    assert seen.launching == seen.ranks == {"a"}
    assert not seen.all_running()
    told(seen, pod("b", "Running", index=1, node="m"))
    assert seen.all_running()
    told(seen, pod("b", index=1), gone=True)
    assert set(seen.gone) == {"b"}


def test_a_job_is_admitted_once_it_is_suspended_no_more():
    at_once, queued = observer(), observer()
    at_once.put(Change(kind="Job", obj={"spec": {}}))
    assert at_once.admitted is None
    for is_suspended in (True, False):
        assert queued.admitted is None
        queued.put(Change(kind="Job", obj={"spec": {"suspend": is_suspended}}))
    assert queued.admitted is not None


def test_the_creation_of_pods_begins_at_the_admission_where_there_is_a_queue():
    alone, queued = "mpi_operator-fast", "mpi_operator-fast-kueue"
    table = medians(valid_runs([run_of(alone), run_of(queued, admitted_s=0.5)]))
    assert table["create"].tolist() == pytest.approx([1.6, 1.1])
    assert [row[2] for row in document._rows(table)] == ["-", "0.50"]
    said = document.reading(table, arm=queued, title="Queued")
    assert "it is admitted after 0.50 s" in said


def test_an_arm_with_a_queue_needs_its_controller_last():
    names = [each.name for each in arms()["jobset-kueue"].controllers]
    assert names == ["jobset-manager", "kueue"]
    names = [each.name for each in arms()["trainer_mpi-kueue"].controllers]
    assert names == ["jobset-manager", "trainer-manager", "kueue"]
    assert arms()["indexed_job"].controllers == ()


def test_every_operator_has_an_arm_with_a_queue_and_the_limits_of_the_one_without():
    known = arms()
    queued = {name: arm for name, arm in known.items() if name.endswith("-kueue")}
    assert {arm.k8s_operator for arm in queued.values()} == set(k8s_operators.available())
    for name, arm in queued.items():
        alone = known[name.removesuffix("-kueue")]
        assert (arm.limits, arm.k8s_operator) == (alone.limits, alone.k8s_operator)


def test_a_limit_of_kueues_client_is_its_own_and_not_the_operators():
    fast, usual = arms()["indexed_job-kueue-fast"], arms()["mpi_operator-fast-kueue"]
    (kueue,) = fast.controllers
    assert fast.limits_of(kueue).client.qps == fast.kueue_client.qps == 200
    mpi, kueue = usual.controllers
    assert usual.limits_of(mpi).client.qps == 200
    assert (usual.limits_of(kueue), usual.kueue_client.qps) == (AS_IT_COMES, 50)
    assert arms()["indexed_job"].kueue_client is None


def test_an_arm_for_many_jobs_alone_has_no_single_ones_and_none_is_missed(tmp_path):
    arm, store = arms()["indexed_job-kueue-fast"], Store(tmp_path)
    assert list(study._due(arm, matrix(), store)) == []
    assert list(study._due_batches(arm, matrix(many=(10,), repeats=1), store)) == [(10, 1)]
    store.add(run_of(), [])
    document.write(store, matrix(arms=(arm, arms()["mpi_operator"])), tmp_path / "doc.md")
    assert "has no valid job yet" not in (tmp_path / "doc.md").read_text()


def test_the_admission_is_told_at_the_smallest_and_the_largest_size():
    queued = [
        run_of("mpi_operator-kueue", nodes=nodes, admitted_s=admitted)
        for nodes, admitted in ((8, 0.2), (16, 9.0), (64, 0.35))
    ]
    one = run_of("jobset-kueue", nodes=8, admitted_s=0.5)
    names = {name: arm.title for name, arm in arms().items()}
    table = medians(valid_runs([run_of("mpi_operator"), *queued, one]))
    assert document.of_queue(table, names=names) == (
        "A job is admitted after: JobSet as it comes (client 500/s) 0.50 s with 8 nodes; MPI "
        "Operator as it comes (client 5/s, event queue 10/s) 0.20 s with 8 nodes and 0.35 s with "
        "64 nodes."
    )
    assert document.of_queue(medians(valid_runs([run_of()])), names=names) == ""


def test_job_that_fails_or_stands_still_is_told_in_words():
    seen = observer()
    told(seen, pod("a"))
    with pytest.raises(JobTimeout, match="before all ran: 1 pods created, 0 scheduled"):
        seen.wait("all ran", seen.all_running, until=0.0)
    failed = {"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    seen.put(Change(kind="Job", obj={"status": {"conditions": [failed]}}))
    with pytest.raises(JobFailed, match="failed before all ran"):
        seen.wait("all ran", seen.all_running, until=float("inf"))


def test_requests_are_counted_by_who_sent_them():
    def line(user, verb="create", resource="pods", **ref):
        event = {"user": {"username": user}, "verb": verb, "objectRef": {"resource": resource}}
        event["objectRef"] |= ref
        return json.dumps(event).encode()

    counts = count_requests(
        [
            line("operator-benchmark:mpi-operator"),
            line("operator-benchmark:mpi-operator"),
            line("operator-benchmark:kwok", verb="patch", subresource="status"),
            line("system:serviceaccount:kube-system:job-controller"),
            line("system:kube-scheduler", subresource="binding"),
            line("operator-benchmark:admin"),
        ],
        controllers=("mpi-operator",),
    )
    assert counts[Request(party="operator", verb="create", resource="pods")] == 2
    assert counts[Request(party="kubelets", verb="patch", resource="pods/status")] == 1
    assert counts[Request(party="controller_manager", verb="create", resource="pods")] == 1
    assert counts[Request(party="scheduler", verb="create", resource="pods/binding")] == 1
    assert counts[Request(party="others", verb="create", resource="pods")] == 1


def test_audit_log_is_read_once_and_by_whole_lines(tmp_path):
    path = tmp_path / "audit.log"
    path.write_bytes(b"1\n2\n3")
    log = AuditLog(path)
    assert log.new_lines() == [b"1", b"2"]
    path.write_bytes(b"1\n2\n34\n")
    assert log.new_lines() == [b"34"]


def test_rows_survive_their_file_and_another_file_is_refused(tmp_path):
    rows = [run_of(), run_of("indexed_job", error="JobFailed: x", status="failed")]
    write(tmp_path / RUNS, rows, Run)
    assert read(tmp_path / RUNS, Run) == rows
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read(tmp_path / RUNS, RequestCount)


def test_study_that_was_cut_off_goes_on_with_what_is_missing(tmp_path):
    store = Store(tmp_path)
    arm = arms()["mpi_operator"]
    store.add(run_of(nodes=8), [])
    store.add(run_of(nodes=8, repeat=2, status="failed"), [])
    store.add(run_of(nodes=128), [])
    again = Store(tmp_path)
    assert again.runs == store.runs
    # 128 nodes took longer than the cell's limit once: no second time.
    due = study._due(arm, matrix(least_repeats=1), again)
    assert list(due) == [(8, 2), (64, 1), (64, 2)]


def test_size_whose_jobs_take_long_is_measured_three_times_and_no_more(tmp_path):
    store = Store(tmp_path)
    arm = arms()["mpi_operator"]
    store.add(run_of(nodes=128), [])  # longer than the cell's limit
    assert list(study._due(arm, matrix(nodes=(128,), repeats=5), store)) == [(128, 2), (128, 3)]
    for repeat in (2, 3):
        store.add(run_of(nodes=128, repeat=repeat), [])
    assert list(study._due(arm, matrix(nodes=(128,), repeats=5), store)) == []


def test_failed_run_is_replaced_by_its_next_try(tmp_path):
    store = Store(tmp_path)
    store.add(run_of(status="failed"), [])
    store.add(run_of(), [])
    assert [run.status for run in Store(tmp_path).runs] == ["valid"]


def test_folder_of_another_cluster_is_refused(tmp_path):
    store = Store(tmp_path)
    store.add(run_of(), [])
    with pytest.raises(BenchmarkError, match="runs of a cluster with 128 nodes"):
        study.measure(matrix(nodes=(8, 16)), store)


def test_stand_in_is_not_measured_and_the_document_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(lab, "has_program", lambda arm, _: arm.k8s_operator == "mpi_operator")
    store = Store(tmp_path / "raw")
    for name in NAMES[:2]:
        for nodes in (8, 64, 128):
            for repeat in (1, 2):
                store.add(run_of(name, nodes=nodes, repeat=repeat), [])
    chosen = tuple(arm for arm in arms().values() if arm.name in NAMES)
    assert study.measure(matrix(arms=chosen), store) == 0
    assert "flux_operator: stand-in: not measured" in caplog.text
    document.write(store, matrix(arms=chosen), tmp_path / "doc.md")
    text = (tmp_path / "doc.md").read_text()
    assert "**Flux Operator as it comes (client 20/s)**: not measured" in text
    assert "is not the Flux Operator: what it takes says nothing of it" in text
    assert "(read in its source at commit 0d75cef855de, none of it measured here)" in text
    assert "### Flux" not in text
    assert "| MPI Operator, client 200/s, event queue 1,000/s | 25.8 | - |" in text
    assert "Of 12 jobs with 812 pods no pod was lost." in text
    assert (tmp_path / "images/control_path.png").read_bytes().startswith(b"\x89PNG")
    assert read(tmp_path / "control_path" / RUNS, Run) == store.runs
    assert (tmp_path / "control_path" / REQUESTS).exists()


def test_an_operator_that_was_only_measured_without_kueue_is_not_told_to_be_a_stand_in(tmp_path):
    names = ("flux_operator", "flux_operator-kueue")
    store = Store(tmp_path / "raw")
    store.add(run_of(names[0]), [])
    document.write(store, matrix(arms=tuple(arms()[n] for n in names)), tmp_path / "doc.md")
    text = " ".join((tmp_path / "doc.md").read_text().split())
    assert "none of it measured here" not in text
    assert "**Flux Operator as it comes (client 20/s), admitted by Kueue** has no valid job" in text


def test_reading_names_the_step_that_takes_longest_and_how_it_grows():
    arm = "mpi_operator"
    table = medians(valid_runs([run_of(nodes=nodes) for nodes in (8, 64, 128, 256)]))
    said = document.reading(table, arm=arm, title="MPI")
    assert "at 256 nodes all pods run 51.4 s after the creation" in said
    assert "“created → all pods created”: 51.2 s, 200 ms per node" in said
    assert "from 64 nodes on twice as many take 2.0 times as long (nodes^1.00)" in said
    assert "sent 2.0 requests per node" in said


def test_document_tells_what_a_reader_must_know_of_the_programs(tmp_path):
    store = Store(tmp_path / "raw")
    store.add(run_of(), [])
    document.write(store, matrix(), tmp_path / "doc.md", load="Beside it a build ran.")
    assert "**Load.** Beside it a build ran." in (tmp_path / "doc.md").read_text()
    text = " ".join((tmp_path / "doc.md").read_text().split())
    assert "client-go` v0.36.2, and not the v0.35.6 of its own go.mod" in text
    assert "run with `GOGC=400`" in text
    assert "etcd v3.6.16, KWOK v0.8.0" in text
    assert "**Indexed Job** has no valid job yet" in text
    assert "From the creation until all pods" not in text  # one arm is no comparison


def test_upstreams_client_is_known_for_the_version_that_is_built():
    mpi, flux = (k8s_operators.load(name).controller for name in NAMES[::2])
    assert mpi.version in made_with.UPSTREAM_CLIENT_GO
    assert made_with.FLUX_MODULE_VERSION.rpartition("-")[2] in flux.version
    wanted = f"{flux.go_module}@{made_with.FLUX_MODULE_VERSION}"
    assert wanted in (made_with.TOOLS.parent / "docs" / "control_path.md").read_text()
    with pytest.raises(LookupError, match="requires no example.org/x"):
        made_with.required("etcd", "example.org/x")


def test_limits_are_told_apart_by_what_was_measured_at_a_size_that_all_have():
    slow = [run_of("mpi_operator", nodes=nodes) for nodes in (8, 64, 128)]
    client = [
        run_of("mpi_operator-fast-client", nodes=nodes, pods_created_s=0.5) for nodes in (8, 64)
    ]
    both = [
        run_of("mpi_operator-fast", nodes=nodes, pods_created_s=0.5, terminal_s=nodes / 5 + 0.4)
        for nodes in (8, 64, 128)
    ]
    said = document.of_limits(medians(valid_runs([*slow, *client, *both])))
    assert said.startswith("Measured with 64 nodes: as it comes all pods are created after 12.8 s")
    assert "with a faster client alone all pods are created after 0.5 s" in said
    assert said.endswith("the terminal state it takes 0.1 s.")
    assert document.of_limits(medians(valid_runs(slow))) == ""


def test_an_arm_with_a_queue_is_drawn_dashed_in_the_colour_of_the_one_without():
    names = ["indexed_job", "jobset", "jobset-kueue"]
    runs = [run_of(name, nodes=nodes) for name in names for nodes in (8, 64)]
    frame = valid_runs(runs)
    axes = Figure().subplots()
    figure._draw(axes, frame, medians(frame), column="all_run", arms=names)
    job, alone, queued = axes.get_lines()[::2]
    assert [line.get_linestyle() for line in (job, alone, queued)] == ["-", "-", "--"]
    assert job.get_color() != alone.get_color() == queued.get_color()


def test_operators_stand_side_by_side_each_beside_itself_with_a_queue():
    runs = [
        *(run_of(name, nodes=nodes) for name in ("mpi_operator", "jobset") for nodes in (8, 64)),
        run_of("jobset-kueue", nodes=64, pods_running_s=20.0),
        run_of("indexed_job", nodes=8),
        run_of("mpi_operator", nodes=128),
    ]
    names = {run.arm: run.arm for run in runs}
    seen = side_by_side(medians(valid_runs(runs)), names, by="nodes", columns=("all_run", "notice"))
    assert seen.size == 64
    assert seen.rows == [
        ["mpi_operator", "13.0", "-", "1.0", "-"],
        ["jobset", "13.0", "20.0", "1.0", "1.0"],
    ]


def test_one_operator_alone_is_compared_with_none():
    runs = [run_of(), run_of("jobset-kueue")]
    names = {run.arm: run.arm for run in runs}
    table = medians(valid_runs(runs))
    assert side_by_side(table, names, by="nodes", columns=("all_run",)) is None


def test_how_busy_the_machine_was_with_anything_else_is_told_as_measured():
    rows = [run_of(), *(run_of(repeat=n, cores_elsewhere=n / 10) for n in (1, 2, 9))]
    assert document.elsewhere(rows[:1]) == ""
    told = document.elsewhere(rows[1:])
    assert told.endswith("kept 0.20 cores busy (median of 3; at most 0.90).")
    assert document.elsewhere(rows).endswith("; for 1 older ones this was not measured.")


def test_cores_kept_busy_elsewhere_are_what_neither_the_cluster_nor_the_study_used():
    def used(at_s, *, machine_s, etcd_s, own_s):
        return Usage(
            cpu_s={"etcd": etcd_s}, peak_mib={}, own_s=own_s, machine_s=machine_s, at_s=at_s
        )

    before = used(10.0, machine_s=100.0, etcd_s=5.0, own_s=1.0)
    after = used(14.0, machine_s=106.0, etcd_s=7.0, own_s=2.0)
    assert after.cores_elsewhere(before) == pytest.approx((6.0 - 2.0 - 1.0) / 4.0)
    idle = used(14.0, machine_s=102.9, etcd_s=7.0, own_s=2.0)
    assert idle.cores_elsewhere(before) == 0.0


def test_a_process_that_is_none_of_the_studys_is_seen_as_busy_elsewhere():
    before = usage(())
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            while psutil.Process(busy.pid).cpu_times().user < 0.3:
                time.sleep(0.01)
            after = usage(())
        finally:
            busy.kill()
    assert after.cores_elsewhere(before) * (after.at_s - before.at_s) > 0.25


def test_what_is_measured_anew_is_forgotten_and_nothing_else(tmp_path):
    store = Store(tmp_path)
    count = {"arm": "jobset", "party": "operator", "verb": "get", "resource": "pods", "count": 1}
    for nodes in (8, 64):
        run = run_of("jobset", nodes=nodes)
        store.add(run, [RequestCount(nodes=nodes, repeat=1, **count)])
    store.add(run_of(nodes=8), [])
    for each in (batch_of("jobset", jobs=10), batch_of("jobset", jobs=50), batch_of(jobs=10)):
        store.add_batch(each)
    store.forget(arms()["jobset"], matrix(nodes=(8,), many=(10,)))
    assert [run.cell for run in store.runs] == [("jobset", 64, 1), ("mpi_operator", 8, 1)]
    assert [each.cell for each in store.batches] == [("jobset", 50, 1), ("mpi_operator", 10, 1)]
    store.add(run_of("jobset", nodes=8), [])
    assert [row.nodes for row in Store(tmp_path)._requests] == [64]


def test_each_machine_that_rows_were_measured_on_is_named_with_its_share():
    here = [run_of(repeat=n) for n in (1, 2)]
    assert made_with.machines(here) == "2 cores (synthetic)"
    there = run_of(repeat=3, machine="4 cores")
    assert made_with.machines([there, *here]) == (
        "2 cores (synthetic) (2 of 3 jobs and batches); 4 cores (1 of 3 jobs and batches)"
    )
    assert re.fullmatch(r"\d+ cores \(.+\), \d+ GiB of memory, Linux .+", machine())


def test_the_legend_names_each_operator_once_and_fits_the_figure(monkeypatch):
    kept = []
    monkeypatch.setattr(figure, "render", lambda axes, **_: kept.append(axes.figure))
    runs = [run_of(name, nodes=nodes) for name, arm in arms().items() for nodes in (8, 64)]
    frame = valid_runs(runs).assign(cpu_of_its_own=0.1)
    labels = {name: arm.title for name, arm in arms().items() if arm.is_single}
    figure.draw(frame, medians(frame), labels=labels)
    (legend,) = kept[0].legends
    told = [text.get_text() for text in legend.get_texts()]
    assert told[-1] == "the same, admitted by Kueue"
    assert told[:-1] == [title for title in labels.values() if "Kueue" not in title]
    kept[0].canvas.draw()
    box, whole = legend.get_window_extent(), kept[0].bbox
    assert whole.x0 <= box.x0 <= box.x1 <= whole.x1
    assert whole.y0 <= box.y0 <= box.y1 <= whole.y1


def test_growth_needs_three_sizes():
    assert power((2, 4), (1, 2)) != power((2, 4), (1, 2))  # NaN
    assert power((2, 4, 8), (1, 4, 16)) == pytest.approx(2)


def test_lost_pods_are_told_and_not_counted(tmp_path):
    store = Store(tmp_path)
    store.add(run_of(), [])
    store.add(run_of(nodes=64, status="failed", error="JobTimeout: x", pods_lost=3), [])
    said = document._lost(store)
    assert "3 pods lost, 1 jobs failed" in said
    assert "mpi_operator with 64 nodes (JobTimeout: x)" in said


def test_command_line_refuses_what_cannot_be_measured(tmp_path, capsys):
    for words in (["--nodes", "0"], ["--arms", "nobody"], ["--repeats", "-1"]):
        with pytest.raises(SystemExit, match="2"):
            main([*words, "--out", str(tmp_path)])
    assert main(["--out", str(tmp_path), "--only-write", "--write", str(tmp_path / "d.md")]) == 1
    assert "no valid run" in capsys.readouterr().err


def batch_of(arm="mpi_operator", *, jobs=10, repeat=1, **changes):
    one = run_of(arm, repeat=repeat).to_json()
    shared = {name: one[name] for name in Batch.model_fields if name in one}
    values = {
        "jobs": jobs,
        "nodes_per_job": 2,
        "submitted_s": 0.5,
        "start_median_s": 1.0,
        "last_start_s": jobs / 5,
        "late_median_s": 1.0,
        "late_most_s": jobs / 10,
        "makespan_s": jobs / 2,
    }
    return Batch.model_validate({**shared, **values, **changes})


def test_batches_are_kept_beside_the_runs_and_of_one_arm_and_number_there_is_one(tmp_path):
    store = Store(tmp_path)
    store.add_batch(batch_of(makespan_s=9.0))
    store.add_batch(batch_of())
    assert [each.makespan_s for each in Store(tmp_path).batches] == [5.0]
    assert read(tmp_path / BATCHES, Batch) == store.batches


def test_more_jobs_are_not_tried_after_those_that_took_too_long(tmp_path):
    store, arm = Store(tmp_path), arms()["mpi_operator"]
    wanted = matrix(many=(100, 10, 50), repeats=1, many_limit_s=20.0)
    assert list(study._due_batches(arm, wanted, store)) == [(10, 1), (50, 1), (100, 1)]
    store.add_batch(batch_of(jobs=10))
    assert list(study._due_batches(arm, wanted, store)) == [(50, 1), (100, 1)]
    store.add_batch(batch_of(jobs=50))  # 25 s
    assert list(study._due_batches(arm, wanted, store)) == []
    store.add_batch(batch_of("indexed_job", jobs=10, status="failed", makespan_s=None))
    assert list(study._due_batches(arms()["indexed_job"], wanted, store)) == []


def test_a_batch_is_repeated_until_those_of_its_size_have_taken_long_enough(tmp_path):
    store, arm = Store(tmp_path), arms()["mpi_operator"]
    wanted = matrix(many=(10, 50), repeats=3, cell_limit_s=9.0)
    store.add_batch(batch_of(jobs=10))  # 5 s
    assert next(study._due_batches(arm, wanted, store)) == (10, 2)
    store.add_batch(batch_of(jobs=10, repeat=2))
    store.add_batch(batch_of(jobs=50))  # 25 s
    assert list(study._due_batches(arm, wanted, store)) == []


def test_a_cluster_has_a_node_for_each_pod_of_all_jobs():
    assert matrix(many=(10, 500)).options().nodes == 1000
    assert matrix(many=()).options().nodes == 128


def test_many_jobs_are_compared_at_the_largest_number_that_several_have(tmp_path):
    batches = [
        *(batch_of(jobs=jobs) for jobs in (10, 50)),
        *(batch_of("indexed_job", jobs=jobs, last_start_s=1.5) for jobs in (10, 50, 100)),
        batch_of("jobset", jobs=10, status="failed", error="JobTimeout: of 10 jobs 3 started"),
    ]
    store = Store(tmp_path / "raw")
    store.add(run_of(), [])
    for each in batches:
        store.add_batch(each)
    document.write(store, matrix(), tmp_path / "doc.md")
    text = " ".join((tmp_path / "doc.md").read_text().split())
    assert "50 jobs, medians in seconds" in text
    assert "| Indexed Job | 1.5 | - |" in text
    assert "Not whole, and in no table: jobset with 10 jobs: JobTimeout" in text
    assert "### Indexed Job, many jobs" in text
    assert "### JobSet as it comes (client 500/s), many jobs" not in text
    assert (tmp_path / "control_path" / BATCHES).exists()


def test_what_kueues_own_limit_does_is_told_where_each_of_its_arms_was_measured():
    ends = {"indexed_job": 10.0, "indexed_job-kueue": 40.0, "indexed_job-kueue-fast": 20.0}
    whole = [batch_of(name, jobs=100, makespan_s=end_s) for name, end_s in ends.items()]
    larger = [batch_of(name, jobs=500) for name in list(ends)[:2]]
    told = many_text.of_kueue(many_text.medians([*whole, *larger]))
    assert told.endswith(
        "100 Indexed Jobs end after 10.0 s without Kueue; 40.0 s with Kueue as it comes; 20.0 s "
        "where Kueue's client may send 200 requests/s."
    )
    assert many_text.of_kueue(many_text.medians(larger)) == ""


def test_a_document_without_many_jobs_has_no_chapter_on_them(tmp_path):
    table = many_text.medians([batch_of()])
    assert side_by_side(table, {"mpi_operator": "MPI"}, by="jobs", columns=("makespan_s",)) is None
    store = Store(tmp_path / "raw")
    store.add(run_of(), [])
    document.write(store, matrix(), tmp_path / "doc.md")
    assert "Many jobs at once" not in (tmp_path / "doc.md").read_text()


def one_job(*, created=0.0, running, ended=None, terminal=None):
    seen = observer(nodes=2)
    seen.launching, seen.ranks = {"a"}, {"a", "b"}
    seen.running = dict.fromkeys(("a", "b"), running)
    seen.ended = {"a": ended} if ended is not None else {}
    seen.terminal = terminal
    return many.OneJob(objects=(), arrivals=seen, created=created)


def test_seconds_of_a_batch_are_those_of_its_last_and_its_middle_job():
    jobs = [
        one_job(created=10.0, running=11.0, ended=11.1, terminal=12.1),
        one_job(created=10.5, running=14.5, ended=14.6, terminal=18.6),
    ]
    assert many._seconds(jobs) == {
        "submitted_s": 0.5,
        "start_median_s": 2.5,
        "last_start_s": 4.5,
        "late_median_s": 2.5,
        "late_most_s": 4.0,
        "makespan_s": 8.6,
    }


def test_a_batch_of_which_a_job_never_ended_has_no_makespan():
    jobs = [one_job(running=1.0, ended=1.1, terminal=2.0), one_job(running=1.5)]
    assert set(many._seconds(jobs)) == {"submitted_s", "start_median_s", "last_start_s"}
    assert many._standing(jobs) == "of 2 jobs 2 created, 2 started, 1 terminal"


def test_changes_go_to_the_job_that_they_are_of():
    jobs = many.Jobs(by_name={"j": many.OneJob(objects=(), arrivals=observer())})
    told_pod = pod("j-0", "Running", node="n")
    told_pod["metadata"]["labels"]["operator-benchmark/point"] = "j"
    jobs.put(Change(kind="Pod", obj=told_pod))
    other = pod("k-0", "Running", node="n")
    jobs.put(Change(kind="Pod", obj=other))
    assert set(jobs.by_name["j"].arrivals.running) == {"j-0"}
