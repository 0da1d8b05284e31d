"""The course of a study: activity of its cluster and runs over time, and idle nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.patches import Patch

from include.analysis.labels import count, operator_title
from include.cost.ledger import Use
from include.models import Status
from include.report.drawing import Drawing, canvas, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from include.cost.ledger import Slice

_COLOURS = {
    Use.CREATING: "#4d4d4d",
    Use.PULLING: "#8c6d46",
    Use.INSTALLING: "#c9a66b",
    Use.SHRINKING: "#7f7f7f",
    Use.DESTROYING: "#a6a6a6",
    Use.STARTING: "#3f7cac",
    Use.SOLVING: "#8a9a1b",
    Use.DELETING: "#b79fc4",
    Use.IDLE: "#d9534f",
    Use.BESIDE: "#f0a8a4",
}
_OF_THE_CLUSTER = (Use.CREATING, Use.PULLING, Use.INSTALLING, Use.SHRINKING, Use.DESTROYING)
_IDLE = (Use.IDLE, Use.BESIDE)
_BEGINS = ("created_at", "launcher_started_at", "app_started_at")
_ENDS = ("deleted_at", "completed_at", "launcher_finished_at", "app_finished_at")
_TROUBLE = "#b00020"
_UNITS = ((3 * 3600, 3600, "hours"), (180, 60, "minutes"), (0, 1, "seconds"))
_MOST_LANES = 60  # more are not legible on a page


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """One coloured stretch of a lane, in seconds since its study began."""

    start_s: float
    end_s: float
    use: Use
    share: float = 1.0  # of the nodes, if only some took part
    is_trouble: bool = False


def draw_course(
    frame: pd.DataFrame, course: Sequence[Slice], *, order: Sequence[str]
) -> Drawing | None:
    """A lane for the cluster, for idle nodes, and for each operator and size.

    `course` is the paid time of the only study in the frame, or empty. None when no run has times,
    or when there are too many lanes.
    """
    lanes = {**_cluster_lanes(frame, course), **_run_lanes(frame, course, order=order)}
    if not lanes or len(lanes) > _MOST_LANES:
        return None
    is_simulated = bool(frame["simulated"].any())
    height = 2.0 + 0.32 * len(lanes)
    with canvas(width_in=9.4, height_in=height, is_simulated=is_simulated) as axes:
        _draw(axes, lanes)
        return render(
            axes,
            name="course",
            title="The course of the study: what ran when",
            caption=_caption(frame, course),
        )


def _caption(frame: pd.DataFrame, course: Sequence[Slice]) -> str:
    runs = f"n = {count(len(_timed(frame)), 'run')}, warm-ups and failures among them"
    edge = "A red edge: without a valid result."
    if not course:
        several = ", each counted from its own beginning" if len(set(frame["study_id"])) > 1 else ""
        return f"The runs by operator and size{several}. {edge} {runs}."
    total = sum(part.duration_s * sum(part.nodes.values()) for part in course)
    idle = "; ".join(
        f"{use.value}: {100 * spent / total:.1f} %"
        for use in _IDLE
        if total and (spent := sum(part.duration_s * part.nodes.get(use, 0) for part in course))
    )
    return (
        "From the request for the cluster to its deletion. Idle lanes are as high as the share of "
        f"nodes that idled{f'; of all paid node-seconds {idle}' if idle else ''}. {edge} {runs}."
    )


def _cluster_lanes(frame: pd.DataFrame, course: Sequence[Slice]) -> dict[str, list[_Bar]]:
    if not course or len(set(frame["study_id"])) > 1:
        return {}
    began = course[0].start
    lanes: dict[str, list[_Bar]] = {"cluster": [], **{use.value: [] for use in _IDLE}}
    for part in course:
        start_s, end_s = ((at - began).total_seconds() for at in (part.start, part.end))
        nodes = sum(part.nodes.values())
        for use, doing in part.nodes.items():
            if doing and use in _OF_THE_CLUSTER:
                lanes["cluster"].append(_Bar(start_s=start_s, end_s=end_s, use=use))
            elif doing and use in _IDLE:
                bar = _Bar(start_s=start_s, end_s=end_s, use=use, share=doing / nodes)
                lanes[use.value].append(bar)
    return {name: bars for name, bars in lanes.items() if bars}


def _timed(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs with a known start and end, with the two instants."""
    begins = frame[list(_BEGINS)].bfill(axis=1).iloc[:, 0]
    ends = frame[list(_ENDS)].bfill(axis=1).iloc[:, 0]
    timed = frame.assign(_begin=pd.to_datetime(begins), _end=pd.to_datetime(ends))
    return timed.dropna(subset=["_begin", "_end", "nodes"])


def _run_lanes(
    frame: pd.DataFrame, course: Sequence[Slice], *, order: Sequence[str]
) -> dict[str, list[_Bar]]:
    runs = _timed(frame)
    began = runs.groupby("study_id")["_begin"].min()
    if course and len(began) == 1:
        began[:] = pd.Timestamp(course[0].start)
    place = {name: index for index, name in enumerate(order)}
    runs = runs.assign(_place=runs["k8s_operator"].map(place))
    lanes: dict[str, list[_Bar]] = {}
    for (_, nodes, name), own in runs.groupby(["_place", "nodes", "k8s_operator"]):
        label = f"{operator_title(str(name))}, {count(int(str(nodes)), 'node')}"
        lanes[label] = [bar for row in own.to_dict(orient="records") for bar in _bars(row, began)]
    return lanes


def _bars(row: dict[Any, Any], began: pd.Series[pd.Timestamp]) -> list[_Bar]:
    """Start, solving and deletion of a run, as far as its instants are known."""
    marks = [row["_begin"], row["app_started_at"], row["app_finished_at"], row["_end"]]
    uses = [Use.STARTING, Use.SOLVING, Use.DELETING]
    if any(pd.isna(mark) for mark in marks):
        marks, uses = [marks[0], marks[-1]], [Use.SOLVING]
    zero = began[str(row["study_id"])]
    at_s = [(mark - zero).total_seconds() for mark in marks]
    is_trouble = row["status"] != Status.VALID
    return [
        _Bar(start_s=start, end_s=max(start, end), use=use, is_trouble=is_trouble)
        for use, start, end in zip(uses, at_s[:-1], at_s[1:], strict=True)
    ]


def _draw(axes: Axes, lanes: dict[str, list[_Bar]]) -> None:
    span_s = max(bar.end_s for bars in lanes.values() for bar in bars)
    divisor, unit = next((by, name) for least, by, name in _UNITS if span_s >= least)
    for place, bars in enumerate(lanes.values()):
        for use in dict.fromkeys(bar.use for bar in bars):
            for is_trouble in (False, True):
                own = [bar for bar in bars if (bar.use, bar.is_trouble) == (use, is_trouble)]
                axes.bar(
                    [bar.start_s / divisor for bar in own],
                    [0.8 * bar.share for bar in own],
                    [(bar.end_s - bar.start_s) / divisor for bar in own],
                    bottom=[place + 0.4 - 0.8 * bar.share for bar in own],
                    align="edge",
                    color=_COLOURS[use],
                    edgecolor=_TROUBLE if is_trouble else "none",
                    linewidth=1.2 if is_trouble else 0,
                )
    axes.set_yticks(range(len(lanes)), list(lanes))
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.01 * span_s / divisor)
    axes.set_xlabel(f"{unit} since the beginning")
    axes.xaxis.grid(visible=True, color="#dddddd", linewidth=0.8)
    used = {bar.use for bars in lanes.values() for bar in bars}
    handles = [Patch(facecolor=_COLOURS[use], label=use.value) for use in Use if use in used]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
