"""Every compared or drawn quantity: one entry each, in the order of the tables.

Applications declare their own figures, and their records carry the declarations; ours are here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from include import applications
from include.errors import StudyError
from include.models.figures import TIME_UNITS, Better, FigureOfMerit, in_a_sentence
from include.models.timeline import STRETCHES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

FIGURES = "figures of the application"
STATED = "declared_figures"  # the frame's column with the declarations of a record's application
_CREATION = ("create_pods_s", "schedule_s", "start_pods_s")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One quantity: a column of the records, or derived from them."""

    name: str
    unit: str
    title: str
    meaning: str
    better: Better
    header: str  # column head in the table for a terminal
    family: str  # quantities of a family are corrected together for their number
    is_compared: bool = True  # compared between operators and summarised; others are only drawn
    is_rare: bool = False  # left out of tables without a value of it
    is_primary: bool = False
    scales: bool = True
    derived: Callable[[pd.DataFrame], pd.Series[float]] | None = None
    step_s: float = 0.0  # resolution of the timestamps whose difference it is

    @property
    def axis(self) -> str:
        """Title and unit for an axis or a table's head."""
        return f"{self.title} [{self.unit}]"

    @property
    def is_time(self) -> bool:
        """True if a lower value is better."""
        return self.unit in TIME_UNITS and self.better is Better.LOWER


def _overhead(frame: pd.DataFrame) -> pd.Series[float]:
    """Launcher time minus the application's own run time, if it gives one in seconds."""
    own = [figure.name for figure in declared(frame) if figure.is_run_time]
    rest = frame["launcher_time_s"] - frame[own[0]] if own else frame["launcher_time_s"]
    for name in own[1:]:
        rest = rest.fillna(frame["launcher_time_s"] - frame[name])
    return rest if own else rest * float("nan")


HOUSE = (
    Quantity(
        name="launcher_time_s",
        unit="s",
        title="Launcher time",
        meaning="the launch command (mpirun, mpiexec or flux submit) from start to exit",
        better=Better.LOWER,
        header="launcher s",
        family="launcher_time_s",
    ),
    Quantity(
        name="launch_overhead_s",
        unit="s",
        title="Launch overhead",
        meaning="launcher time minus the application's own: starting and ending the application",
        better=Better.LOWER,
        header="overhead s",
        family="launch_overhead_s",
        derived=_overhead,
    ),
    Quantity(
        name="end_to_end_s",
        unit="s",
        title="End-to-end time",
        meaning="from the creation of the resource to its completion",
        better=Better.LOWER,
        header="end-to-end s",
        family="end_to_end_s",
        step_s=STRETCHES["end_to_end_s"].step_s,
    ),
    Quantity(
        name="broker_overhead_s",
        unit="s",
        title="Broker overhead",
        meaning="flux start minus flux submit: starting and ending Flux' broker",
        better=Better.LOWER,
        header="broker s",
        family="broker_overhead_s",
        is_compared=False,
        derived=lambda frame: frame["broker_time_s"] - frame["launcher_time_s"],
    ),
    Quantity(
        name="queue_s",
        unit="s",
        title="Queue time",
        meaning="from the creation of the resource until a queue admits it",
        better=Better.LOWER,
        header="queue s",
        family="queue_s",
        is_rare=True,
        step_s=STRETCHES["queue_s"].step_s,
    ),
    Quantity(
        name="creation_s",
        unit="s",
        title="Creation time",
        meaning="from the creation of the resource until its last rank-carrying container runs",
        better=Better.LOWER,
        header="creation s",
        family="creation_s",
        is_compared=False,
        step_s=max(STRETCHES[name].step_s for name in _CREATION),
        derived=lambda frame: (
            frame[list(_CREATION)].sum(axis=1, skipna=False) + frame["queue_s"].fillna(0)
        ),
    ),
    Quantity(
        name="delete_s",
        unit="s",
        title="Deletion time",
        meaning="from the request of the deletion until no pod is left",
        better=Better.LOWER,
        header="delete s",
        family="delete_s",
        is_compared=False,
        step_s=STRETCHES["delete_s"].step_s,
    ),
)
SECOND = HOUSE[0].name  # compared where an operator has no figure of merit


def declared(frame: pd.DataFrame) -> tuple[FigureOfMerit, ...]:
    """The figures declared by the applications of a frame's records, each once.

    StudyError when two declare one name with different units or directions.
    """
    pairs = frame[["application", STATED]].drop_duplicates()
    by_name: dict[str, FigureOfMerit] = {}
    for application, text in pairs.itertuples(index=False):
        for figure in _read(text) if isinstance(text, str) and text else shipped(application):
            known = by_name.setdefault(figure.name, figure)
            if (known.unit, known.better) != (figure.unit, figure.better):
                raise StudyError(
                    f"{figure.name} is in {known.unit} for some records and in {figure.unit} for "
                    "others, or better in another direction: such runs cannot be compared"
                )
    return tuple(by_name.values())


def shipped(application: object) -> tuple[FigureOfMerit, ...]:
    """The figures that an installed application declares; none if it is not installed."""
    if not isinstance(application, str) or application not in applications.available():
        return ()
    return applications.load(application).figures


def stated(figures: Iterable[FigureOfMerit]) -> str:
    """Declarations as the text of a frame's column, empty for none."""
    given = [figure.model_dump(mode="json", exclude_defaults=True) for figure in figures]
    return json.dumps(given, separators=(",", ":")) if given else ""


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[FigureOfMerit, ...]:
    return tuple(FigureOfMerit.model_validate(each) for each in json.loads(text))


def quantities(frame: pd.DataFrame) -> tuple[Quantity, ...]:
    """All quantities of a frame: the applications' figures that have a direction, then ours."""
    return quantities_of(declared(frame))


def quantities_of(declarations: Iterable[FigureOfMerit]) -> tuple[Quantity, ...]:
    """The same for an application's declared figures, the primary one first."""
    figures = sorted(declarations, key=lambda figure: not figure.primary)
    own = [_quantity(figure) for figure in figures if figure.better and not figure.axis]
    return (*(each for each in own if each), *HOUSE)


def compared(frame: pd.DataFrame) -> tuple[Quantity, ...]:
    """The quantities that are summarised and compared between operators."""
    return tuple(
        each
        for each in quantities(frame)
        if each.is_compared and not (each.is_rare and frame[each.name].isna().all())
    )


def primaries(frame: pd.DataFrame) -> tuple[Quantity, ...]:
    """The primary figure of each application in the frame."""
    return tuple(each for each in quantities(frame) if each.is_primary)


def curves(frame: pd.DataFrame) -> tuple[FigureOfMerit, ...]:
    """The declared figures that are measured over an axis."""
    return tuple(figure for figure in declared(frame) if figure.axis and figure.better)


def with_derived(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the derived quantities as columns, NaN where a part is unknown."""
    return frame.assign(**{each.name: each.derived(frame) for each in HOUSE if each.derived})


def _quantity(figure: FigureOfMerit) -> Quantity | None:
    if figure.better is None:
        return None
    return Quantity(
        name=figure.name,
        unit=figure.unit,
        title=figure.title,
        meaning=figure.meaning or in_a_sentence(figure.title),
        better=figure.better,
        header=f"{figure.short or in_a_sentence(figure.title)} {figure.unit}",
        family=FIGURES,
        is_primary=figure.primary,
        scales=figure.scales,
    )
