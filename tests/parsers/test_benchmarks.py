"""Parsers of OSU, HPC Challenge, NetPIPE, HPCG and AMG2023: own runs, made-up and public logs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include import applications
from include.errors import CheckFailed, ParseError
from include.parsers import amg_output, hpcc_output, hpcg_output, netpipe, osu
from tests.parsers.synthetic_logs import DATA

LOGS = Path(__file__).parent / "logs"
PUBLIC = DATA / "public"
GKE = PUBLIC / "google-performance-study/experiments/gke/cpu/size-4/logs"
EKS = PUBLIC / "performance-study/experiments/aws/eks/cpu"
GET = PUBLIC / "operator-experiments/google/osu-benchmarks/data"
needs_public = pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"no public logs in {PUBLIC}")

OSU_BW = """\
Warning: Permanently added 'worker-0' to the list of known hosts.
# OSU MPI Bandwidth Test v5.8
# Size      Bandwidth (MB/s)
1                       0.20
2                       0.40
4                       0.80
8                       1.60
real 12.30
""".splitlines()
HPCG = """\
HPCG-Benchmark
version=3.1
Machine Summary::Distributed Processes=4
Local Domain Dimensions::nx=16
Local Domain Dimensions::ny=16
Local Domain Dimensions::nz=16
Spectral Convergence Tests::Result=PASSED
Departure from Symmetry |x'Ay-y'Ax|/(2*||x||*||A||*||y||)/epsilon::Result=PASSED
Iteration Count Information::Result=PASSED
Reproducibility Information::Result=PASSED
Benchmark Time Summary::Total=61.5
Final Summary::HPCG result is VALID with a GFLOP/s rating of=1.25
Final Summary::Official results execution time (sec) must be at least=1800
""".splitlines()
AMG = """\
Running with these driver parameters:
  Problem ID    = 2
  Laplacian_7pt:
    (Nx, Ny, Nz) = (64, 64, 128)
    (Px, Py, Pz) = (1, 1, 2)
PCG Setup:
  wall clock time = 5.471147 seconds
PCG Solve:
  wall clock time = 6.412438 seconds
Iterations = 28
Final Relative Residual Norm = 9.575368e-09
Figure of Merit (FOM): nnz_AP / (Setup Phase Time + 3 * Solve Phase Time) 1.499120e+08
""".splitlines()


def lines_of(name):
    return (LOGS / name).read_text().splitlines()


def run_of(path, number=1):
    """The lines of one of several runs in a public log."""
    text = path.read_text(errors="replace")
    runs = re.findall(r"^FLUX-RUN START.*?\n(.*?)^FLUX-RUN END", text, re.DOTALL | re.MULTILINE)
    return runs[number - 1].splitlines()


def test_an_osu_table_is_a_curve_with_its_greatest_bandwidth():
    result = applications.load("osu").parse(OSU_BW)
    assert result.figures == {"bandwidth_mb_per_s": 1.60}
    assert result.curves["bandwidth_by_size_mb_per_s"] == {1: 0.2, 2: 0.4, 4: 0.8, 8: 1.6}
    assert result.problem["benchmark"] == "OSU MPI Bandwidth"
    assert result.version == "5.8"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (OSU_BW[:2], "no OSU table"),
        (OSU_BW[:3], "has no row"),
        ([*OSU_BW[:4], "2      0.4"], "not whole"),
        ([*OSU_BW[:4], "2      nan"], "not whole"),
        ([*OSU_BW[:5], "2      0.40"], "does not follow"),
        ([*OSU_BW, *OSU_BW], "2 OSU tables in one log"),
        ([*OSU_BW[:4], "2      0.40      Fail"], "validation failed"),
    ],
)
def test_an_osu_table_that_is_cut_or_doubled_is_refused(lines, reason):
    with pytest.raises(ParseError, match=reason):
        osu.parse(lines)


def test_other_output_between_the_rows_of_an_osu_table_cuts_nothing_off():
    rows = osu.parse([*OSU_BW[:5], "WARNING: a slow device", *OSU_BW[5:], "2 pods ended"]).values
    assert rows == {1: 0.2, 2: 0.4, 4: 0.8, 8: 1.6}
    with pytest.raises(ParseError, match="message size 4 instead of 2: rows are missing"):
        osu.parse([*OSU_BW[:4], "WARNING: a slow device", *OSU_BW[5:]])


@pytest.mark.parametrize(
    ("title", "columns"),
    [
        ("Barrier Latency", "# Avg Latency(us)"),
        ("Multiple Bandwidth / Message Rate", "# Size                  MB/s        Messages/s"),
        ("Non-Blocking Allreduce Latency", "# Size   Overall(us)   Compute(us)"),
        ("Latency", "# Size          Latency (ms)"),
    ],
)
def test_an_osu_test_of_another_form_is_named_and_not_said_to_lack(title, columns):
    with pytest.raises(ParseError, match=f"from the OSU MPI {title} Test: .* form that is not"):
        osu.parse([f"# OSU MPI {title} Test v7.3", columns, "1  22.51"])


@pytest.mark.parametrize(
    "kind",
    ["MPI Latency", "MPI-CUDA Latency", "MPI-ROCM Bandwidth", "MPI Persistent Latency", "MPI_Put"],
)
def test_osu_tests_between_two_have_two_ranks(kind):
    name = kind if "L" in kind or "B" in kind else f"{kind} Latency"
    quantity = "Bandwidth (MB/s)" if "Bandwidth" in name else "Latency (us)"
    table = osu.parse([f"# OSU {name} Test v7.3", f"# Size  {quantity}", "1  1.20"])
    assert table.ranks == 2


@pytest.mark.parametrize(
    ("application", "lines"),
    [
        ("osu", OSU_BW),
        ("hpcc", lines_of("hpcc_1_5_0.txt")),
        ("netpipe", lines_of("netpipe_3_7.txt")),
        ("hpcg", HPCG),
        ("amg2023", AMG),
    ],
)
def test_a_prefix_of_an_unknown_kind_is_named(application, lines):
    tagged = [f"launcher of rank 0 says {line}" for line in lines]
    with pytest.raises(ParseError, match="prefix of no known kind is before it in 'launcher of"):
        applications.load(application).parse(tagged)


EVENT = 'ƒ2FK7yEX: 0.621s: finish {"status":0}'


@pytest.mark.parametrize(
    ("application", "lines"),
    [
        ("osu", OSU_BW),
        ("hpcc", lines_of("hpcc_1_5_0.txt")),
        ("netpipe", lines_of("netpipe_3_7.txt")),
        ("hpcg", HPCG),
        ("amg2023", AMG),
    ],
)
def test_an_event_of_flux_between_any_two_lines_changes_nothing(application, lines):
    adapter = applications.load(application)
    alone = adapter.parse(lines)
    for place in range(0, len(lines), 1 + len(lines) // 60):
        assert adapter.parse([*lines[:place], EVENT, *lines[place:]]) == alone
    mixed = [*lines[:-1], lines[-1] + EVENT]
    with pytest.raises(ParseError, match="a Flux event is mixed with"):
        adapter.parse(mixed)


def test_a_range_that_ended_early_fails_the_check():
    application = applications.load("osu")
    options = application.read_options({"program": "osu_bw", "most_bytes": 64})
    with pytest.raises(CheckFailed, match="ended at messages of 8 of 64 bytes"):
        application.configured(options).check(application.parse(OSU_BW), options=options, ranks=2)


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("osu_bw", "bandwidth_mb_per_s"),
        ("/opt/osu/osu_bibw", "bandwidth_mb_per_s"),
        ("osu_get_bw", "bandwidth_mb_per_s"),
        ("osu_allreduce", "latency_us"),
        ("osu_latency", "latency_us"),
    ],
)
def test_the_figure_follows_the_osu_program(program, name):
    application = applications.load("osu")
    figures = application.configured(application.read_options({"program": program})).figures
    assert figures[0].name == name


def test_hpcc_of_debian_is_read_and_right():
    application = applications.load("hpcc")
    result = application.parse(lines_of("hpcc_1_5_0.txt"))
    assert result.figures["hpl_gflops"] == pytest.approx(0.538927)
    assert result.figures["stream_triad_gb_per_s"] == 72.9644
    assert result.figures["ring_latency_us"] == 0.127301
    assert result.figures["ring_bandwidth_gb_per_s"] == 5.75357
    assert (result.ranks, result.version) == (2, "1.5.0")
    application.check(result, options=application.read_options({"n": 1000, "nb": 80}), ranks=2)


def test_a_ring_of_one_rank_has_no_latency_and_says_so():
    lines = [
        "RandomlyOrderedRingLatency_usec=-1" if line.startswith("RandomlyOrderedRingLat") else line
        for line in lines_of("hpcc_1_5_0.txt")
    ]
    result = applications.load("hpcc").parse(lines)
    assert "ring_latency_us" not in result.figures
    assert "ring_bandwidth_gb_per_s" in result.figures
    assert result.notes == (
        "RandomlyOrderedRingLatency_usec is -1, which is no measurement: left out",
    )


def test_the_rate_of_hpl_has_the_digits_that_are_printed():
    lines = [
        "HPL_Tflops=0.00457387" if line.startswith("HPL_Tflops=") else line
        for line in lines_of("hpcc_1_5_0.txt")
    ]
    assert applications.load("hpcc").parse(lines).figures["hpl_gflops"] == 4.57387


def test_hpl_by_its_own_table_and_by_the_summary_is_one_rate():
    lines = lines_of("hpcc_1_5_0.txt")
    row = next(line for line in lines if re.match(r"W[RC]\S+ +1000", line))
    rate = applications.load("hpcc").parse(lines).figures["hpl_gflops"]
    assert float(row.split()[-1]) == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("cut", [0, 30, 200, 420, 450, 578, 580])
def test_hpcc_that_is_cut_off_is_refused(cut):
    with pytest.raises(ParseError):
        hpcc_output.parse(lines_of("hpcc_1_5_0.txt")[:cut])


@pytest.mark.parametrize(
    ("old", "new", "error", "reason"),
    [
        ("...... PASSED", "...... FAILED", CheckFailed, "own test of HPL failed"),
        ("Success=1", "Success=0", CheckFailed, "did not succeed"),
        ("ErrorsFraction=0", "ErrorsFraction=0.5", CheckFailed, "lost more than 1 %"),
        ("HPL_Tflops=0.000538927", "HPL_Tflops=nan", ParseError, "not a finite number"),
        ("StarSTREAM_Triad=72.9644", "StarSTREAM_Triad 72.9644", ParseError, "not whole"),
        ("CommWorldProcs=2", "CommWorldProcs=2\nCommWorldProcs=3", ParseError, "stands twice"),
    ],
)
def test_hpcc_that_is_wrong_is_refused(old, new, error, reason):
    text = (LOGS / "hpcc_1_5_0.txt").read_text().replace(old, new)
    with pytest.raises(error, match=reason):
        applications.load("hpcc").parse(text.splitlines())


def test_netpipe_of_debian_is_two_curves():
    application = applications.load("netpipe")
    result = application.parse(lines_of("netpipe_3_7.txt"))
    latency = result.curves["latency_by_size_us"]
    assert result.figures["latency_us"] == latency[1]
    assert set(latency) == set(result.curves["bandwidth_by_size_mbit_per_s"])
    assert max(latency) == 1024
    application.check(result, options=application.read_options({"most_bytes": 1024}), ranks=2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines[:3], "NetPIPE has no row|did not start"),
        (lambda lines: [*lines[:8], lines[8][:40]], "not whole"),
        (lambda lines: [*lines[:7], *lines[8:]], "rows are missing"),
        (lambda lines: [*lines, *lines], "two runs of NetPIPE"),
    ],
)
def test_netpipe_that_is_cut_is_refused(change, reason):
    with pytest.raises(ParseError, match=reason):
        netpipe.parse(change(lines_of("netpipe_3_7.txt")))


def test_hpcg_reports_its_rating_and_the_grid_of_a_rank():
    application = applications.load("hpcg")
    result = application.parse(HPCG)
    assert result.figures["hpcg_gflops"] == 1.25
    assert result.problem == {"nx": 16, "ny": 16, "nz": 16}
    options = application.read_options({"nx": 16, "ny": 16, "nz": 16})
    application.check(result, options=options, ranks=4)


@pytest.mark.parametrize(
    ("lines", "error", "reason"),
    [
        (HPCG[:8], ParseError, "not whole"),
        (HPCG[:11], ParseError, "not whole"),
        ([*HPCG, *HPCG], ParseError, "2 reports"),
        (HPCG[1:], ParseError, "not in the log"),
        ([line.replace("PASSED", "FAILED") for line in HPCG], CheckFailed, "own test failed"),
        ([line.replace("is VALID with", "is INVALID:") for line in HPCG], CheckFailed, "INVALID"),
    ],
)
def test_hpcg_that_is_cut_or_invalid_is_refused(lines, error, reason):
    with pytest.raises(error, match=reason):
        applications.load("hpcg").parse(lines)


@pytest.mark.parametrize(
    ("application", "lines", "threads"),
    [
        ("hpcg", HPCG, "Machine Summary::Threads per processes="),
        ("hpcc", lines_of("hpcc_1_5_0.txt"), "omp_get_max_threads="),
    ],
)
def test_more_threads_per_rank_are_another_problem(application, lines, threads):
    adapter = applications.load(application)
    alone = adapter.parse(lines)
    lines = [line for line in lines if not line.startswith(threads)]
    lines.insert(
        lines.index("CommWorldProcs=2" if application == "hpcc" else HPCG[2]), f"{threads}4"
    )
    threaded = adapter.parse(lines)
    assert threaded.problem == {**alone.problem, "threads": 4}
    assert threaded.figures == alone.figures
    options = adapter.read_options(dict(alone.problem))
    adapter.check(threaded, options=options, ranks=alone.ranks)


def test_amg_reports_its_figure_of_merit_and_the_cells_of_a_rank():
    application = applications.load("amg2023")
    result = application.parse(AMG)
    assert result.figures == {
        "fom_per_s": 1.49912e8,
        "setup_s": 5.471147,
        "solve_s": 6.412438,
        "iterations": 28,
    }
    application.check(result, options=application.read_options({}), ranks=2)


@pytest.mark.parametrize("cut", range(len(AMG)))
def test_amg_that_is_cut_off_is_refused(cut):
    with pytest.raises(ParseError):
        amg_output.parse(AMG[:cut])


def test_amg_with_a_number_cut_or_a_second_run_is_refused():
    with pytest.raises(ParseError, match="line with fom .* is not whole"):
        amg_output.parse([*AMG[:-1], AMG[-1][:-2]])
    with pytest.raises(ParseError, match="stands twice"):
        amg_output.parse([*AMG, *AMG])


def test_amg_that_did_not_converge_fails():
    with pytest.raises(CheckFailed, match="residual"):
        applications.load("amg2023").parse([line.replace("e-09", "e-03") for line in AMG])


@needs_public
@pytest.mark.parametrize("name", ["osu_bw", "osu_latency", "osu_allreduce"])
def test_public_osu_logs_by_an_independent_reading(name):
    path = GKE / f"{name}.out"
    with pytest.raises(ParseError, match="5 OSU tables in one log"):
        osu.parse(path.read_text().splitlines())
    for number in range(1, 6):
        lines = run_of(path, number)
        result = applications.load("osu").parse(lines)
        (curve,) = result.curves.values()
        rows = [line.split() for line in lines if len(line.split()) == 2 and line[0].isdigit()]
        assert curve == {int(size): float(value) for size, value in rows}
        (figure,) = result.figures.values()
        small = {int(size): float(value) for size, value in rows if int(size) == 8}
        assert figure == (small[8] if name != "osu_bw" else max(curve.values()))


@needs_public
def test_all_public_osu_logs_of_a_study_are_read():
    logs = sorted((EKS / "size32/results/osu").glob("*.out"))
    results = [applications.load("osu").parse(log.read_text().splitlines()) for log in logs]
    assert len(results) > 50
    names = {name for result in results for name in result.figures}
    assert names == {"latency_us", "bandwidth_mb_per_s"}


@needs_public
def test_public_osu_logs_behind_flux_clouds_launcher_are_read():
    read = {}
    for log in sorted(GET.glob("*/*/log.out")):
        try:
            read[log.parent.name.split("-")[0]] = osu.parse(log.read_text().splitlines())
        except ParseError as err:
            read[log.parent.name.split("-")[0]] = str(err)
    assert read["osu_get_bw"].values[8] == 0.67
    assert all(isinstance(table, osu.OsuTable) or "OSU" in table for table in read.values())


@needs_public
def test_public_hpcg_logs_by_an_independent_reading():
    path = GKE / "hpcg.out"
    with pytest.raises(ParseError, match="reports of HPCG"):
        hpcg_output.parse(path.read_text().splitlines())
    for number in range(1, 6):
        lines = run_of(path, number)
        result = applications.load("hpcg").parse(lines)
        (rating,) = [line.split("=")[1] for line in lines if "VALID with a GFLOP/s" in line]
        assert result.figures["hpcg_gflops"] == float(rating)
        assert (result.ranks, result.problem) == (352, {"nx": 104, "ny": 104, "nz": 104})


@needs_public
def test_public_amg_logs_by_an_independent_reading():
    logs = [*(EKS / "size32/results/amg2023").glob("*.out")]
    assert len(logs) == 5
    for log in logs:
        text = log.read_text()
        result = applications.load("amg2023").parse(text.splitlines())
        fom = text.split("3 * Solve Phase Time)")[1].split()[0]
        assert result.figures["fom_per_s"] == float(fom)
        assert result.ranks == 16 * 8 * 8
        assert result.problem == {"problem": 2, "nx": 256, "ny": 256, "nz": 128}


@needs_public
def test_public_amg_logs_of_gke_are_read_or_refused_with_a_reason():
    for number in range(1, 6):
        result = applications.load("amg2023").parse(run_of(GKE / "amg.out", number))
        assert result.figures["fom_per_s"] > 1e8
    with pytest.raises(ParseError, match="stands twice"):
        amg_output.parse((GKE / "amg.out").read_text().splitlines())
