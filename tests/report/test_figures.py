import html
import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from include.analysis import cells, table
from include.analysis.analysis import analyse
from include.analysis.quantities import compared, quantities
from include.models import Status
from include.models.timeline import PHASES
from include.report import drawing as drawing_of
from include.report.boxes import draw_boxes
from include.report.differences import draw_differences
from include.report.drawing import SIMULATED_MARK
from include.report.figures import draw_all
from include.report.node_map import MOST_NODES, draw_nodes
from include.report.relative import draw_relative
from include.report.stack import draw_phases
from tests.analysis.synthetic import record, study_records

OPERATORS = ("mpi_operator", "indexed_job")
BOXED = ["loop_time_s", "launcher_time_s", "launch_overhead_s", "end_to_end_s"]
NAMES = [*BOXED, "loop_time_s_relative", "scaling", "phases", "order", "nodes"]
MAKE_PNG = drawing_of._png
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
QUANTITIES = {each.name: each for each in quantities(table.to_frame(study_records()))}


def texts(svg: bytes) -> list[str]:
    """What is written in a figure, as text that can be searched."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", svg.decode(), re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", each)).strip() for each in found]


def frame(**study) -> pd.DataFrame:
    return table.to_frame(study_records(**study))


def drawn(records: pd.DataFrame):
    return draw_all(analyse(records, operators=OPERATORS), operators=OPERATORS)


@pytest.fixture(scope="module", autouse=True)
def _words_alone(drawings):
    """Spare the PNG of what is drawn here: but for those `drawings`, the SVG is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing_of, "_png", lambda _: b"")
        yield


def test_every_figure_comes_as_svg_and_png(drawings):
    names = [drawing.name for drawing in drawings]
    assert set(NAMES) <= set(names)
    assert len(names) == len(set(names))
    for drawing in drawings:
        assert drawing.png.startswith(PNG_MAGIC)
        assert b"<svg" in drawing.svg
        assert drawing.caption.endswith(".") or "keeps it" in drawing.caption


def test_a_figure_is_drawn_once_per_format(monkeypatch):
    monkeypatch.setattr(drawing_of, "_png", MAKE_PNG)
    drawn = []
    draw = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda *given: (drawn.append(1), draw(*given))[1])
    draw_boxes(cells.counted(frame()), QUANTITIES["loop_time_s"], order=OPERATORS)
    assert len(drawn) == 2


def test_every_run_is_a_point_of_a_box_plot():
    records = cells.counted(frame(repeats=7))
    svg = draw_boxes(records, QUANTITIES["loop_time_s"], order=OPERATORS).svg.decode()
    points = re.findall(r'<g id="PathCollection_\d+">(.*?)</g>\s*</g>', svg, re.DOTALL)
    assert sum(each.count("<use ") for each in points) == len(records)


def test_no_date_or_version_is_in_a_figure(drawings):
    for drawing in drawings:
        assert b"<dc:date>" not in drawing.svg
        assert b"Matplotlib" not in drawing.png


@pytest.mark.parametrize("quantity", ["loop_time_s", "launcher_time_s", "end_to_end_s"])
def test_box_plot_has_units_counts_ranks_and_operators_in_order(quantity):
    runs = cells.counted(frame())
    written = texts(draw_boxes(runs, QUANTITIES[quantity], order=OPERATORS[::-1]).svg)
    assert written.count("n = 3") == 4
    assert {"1 (1 rank)", "2 (2 ranks)", "nodes (MPI ranks)"} <= set(written)
    assert any(text.endswith("time [s]") for text in written)
    assert written.index("Indexed Job") < written.index("MPI Operator")


def test_cell_without_runs_is_written_as_none():
    records = [r for r in study_records() if (r.k8s_operator, r.nodes) != ("mpi_operator", 2)]
    runs = cells.counted(table.to_frame(records))
    drawing = draw_boxes(runs, QUANTITIES["loop_time_s"], order=OPERATORS)
    assert texts(drawing.svg).count("n = 0") == 1


def test_phase_stack_names_rows_phases_and_unit():
    written = texts(draw_phases(cells.counted(frame()), order=OPERATORS).svg)
    rows = [text for text in written if "node" in text and "(n = 3)" in text]
    assert rows == [
        "MPI Operator, 1 node (n = 3)",
        "Indexed Job, 1 node (n = 3)",
        "MPI Operator, 2 nodes (n = 3)",
        "Indexed Job, 2 nodes (n = 3)",
    ]
    assert {"application", "notice completion", "delete", "median time [s]"} <= set(written)


def test_a_phase_without_a_bar_is_in_the_caption_and_not_in_the_legend():
    runs = table.to_frame([record(**dict.fromkeys(PHASES, 2.0) | {"schedule_s": 0.0})])
    drawing = draw_phases(runs, order=["mpi_operator"])
    assert "schedule" not in texts(drawing.svg)
    assert "Too short to be seen: schedule." in drawing.caption


def test_negative_phase_is_drawn_as_zero_and_the_caption_says_so():
    phases = dict.fromkeys(PHASES, 1.0)
    runs = table.to_frame([record(**phases | {"completion_lag_s": -0.4})])
    drawing = draw_phases(runs, order=["mpi_operator"])
    assert "A negative median is drawn as 0" in drawing.caption
    assert "whole seconds" in drawing.caption
    assert not {"-0.40", "\N{MINUS SIGN}0.4"} & set(texts(drawing.svg))


def test_a_phase_is_written_as_fine_as_its_clock_and_no_finer():
    runs = table.to_frame([record(**dict.fromkeys(PHASES, 3.0) | {"app_s": 3.25})])
    written = texts(draw_phases(runs, order=["mpi_operator"]).svg)
    assert written.count("3.25") == 1
    assert written.count("3.00") == 1  # shut down: between two stamps of log lines
    assert "3.0" not in written


def test_phases_that_are_all_zero_still_make_a_figure():
    runs = table.to_frame([record(**dict.fromkeys(PHASES, 0.0), loop_time_s=0.0)])
    assert {drawing.name for drawing in drawn(runs)} == {
        *("loop_time_s", "phases", "nodes"),
    }


@pytest.fixture(scope="module")
def simulated():
    """Every figure of a simulated study of an operator and a stand-in, that has enough runs."""
    operators = ("mpi_operator", "flux_operator (stand-in)")
    runs = study_records(operators=("mpi_operator", "flux_operator"), simulated=True, repeats=6)
    records = [
        each.model_copy(update={"operator_version": "stand-in for v1alpha2 (simulated)"})
        if each.k8s_operator == "flux_operator"
        else each
        for each in runs
    ]
    return draw_all(analyse(table.to_frame(records), operators=operators), operators=operators)


def test_simulated_records_are_marked_across_every_figure(simulated, drawings):
    assert {"differences", *NAMES} <= {drawing.name for drawing in simulated}
    for drawing in simulated:
        assert SIMULATED_MARK in texts(drawing.svg)
    for drawing in drawings:
        assert SIMULATED_MARK not in texts(drawing.svg)


def test_stand_in_is_named_in_every_figure_that_names_operators(simulated):
    for drawing in simulated:
        named = [text for text in texts(drawing.svg) if "Flux Operator" in text]
        assert named, drawing.name
        assert all("Flux Operator (stand-in)" in text for text in named)


@pytest.mark.parametrize("records", [[], [record(status=Status.FAILED)]])
def test_nothing_valid_gives_no_figure(records):
    assert drawn(table.to_frame(records)) == ()


def test_drawing_leaves_pyplot_alone():
    import matplotlib.pyplot as plt

    before = dict(plt.rcParams)
    assert draw_phases(cells.counted(frame()), order=OPERATORS)
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


def test_many_operators_and_nodes_are_drawn():
    operators = ("mpi_operator", "flux_operator", "indexed_job")
    runs = cells.counted(frame(operators=operators, nodes=(1, 2, 4, 8, 16)))
    drawing = draw_boxes(runs, QUANTITIES["loop_time_s"], order=operators)
    assert texts(drawing.svg).count("n = 3") == 15


def test_differences_stand_by_pair_and_all_sizes_of_a_pair_together():
    operators = ("mpi_operator", "flux_operator", "indexed_job")
    found = analyse(frame(operators=operators, nodes=(1, 2), repeats=6), operators=operators)
    written = texts(
        draw_differences(found.comparisons, quantities(found.frame), is_simulated=False).svg
    )
    headings = [text for text in written if " minus " in text and text.startswith("Loop time")]
    assert headings == [
        "Loop time: Flux Operator minus MPI Operator",
        "Loop time: Indexed Job minus MPI Operator",
        "Loop time: Indexed Job minus Flux Operator",
    ]
    shown = len(headings) * len(compared(found.frame))
    assert written.count("1 node, n = 6 + 6") == written.count("2 nodes, n = 6 + 6") == shown


def test_nodes_are_drawn_when_they_are_known_and_not_too_many():
    runs = cells.counted(frame())
    loop = QUANTITIES["loop_time_s"]
    assert {"node-0", "node-1", "2 nodes"} <= set(
        texts(draw_nodes(runs, loop, order=OPERATORS).svg)
    )
    assert draw_nodes(runs.assign(node_names=""), loop, order=OPERATORS) is None
    many = " ".join(f"node-{i}" for i in range(MOST_NODES + 1))
    assert draw_nodes(runs.assign(node_names=many), loop, order=OPERATORS) is None


def test_every_run_is_drawn_as_percent_of_the_baseline_at_its_size():
    runs = cells.counted(frame())
    drawing = draw_relative(runs, QUANTITIES["loop_time_s"], order=OPERATORS)
    written = texts(drawing.svg)
    assert "loop time [% of the baseline's median]" in written
    assert {"1 node", "2 nodes", "MPI Operator", "Indexed Job"} <= set(written)
    assert "Lower is better" in drawing.caption
    alone = runs[runs["k8s_operator"] == OPERATORS[0]]
    assert draw_relative(alone, QUANTITIES["loop_time_s"], order=OPERATORS) is None


def test_stamps_of_whole_seconds_are_not_drawn_as_a_distribution():
    records = frame()
    coarse = records.assign(
        create_pods_s=[float(i % 2) for i in range(len(records))], schedule_s=0.0, start_pods_s=0.0
    )
    names = {drawing.name for drawing in drawn(coarse)}
    assert "creation_s" not in names
    slow = coarse.assign(create_pods_s=4.0 + coarse["create_pods_s"])
    assert "creation_s" in {drawing.name for drawing in drawn(slow)}
