"""Times that follow from a record's own columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CREATION_PHASES = ("create_pods_s", "schedule_s", "start_pods_s")


def with_derived(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with three more columns, seconds, NaN where a part is not known.

    `launch_overhead_s`: launcher time minus loop time, what starting and ending the application
    costs. `broker_overhead_s`: broker time minus launcher time (Flux). `creation_s`: from the
    creation of the resource until the last rank-carrying container runs.
    """
    return frame.assign(
        launch_overhead_s=frame["launcher_time_s"] - frame["loop_time_s"],
        broker_overhead_s=frame["broker_time_s"] - frame["launcher_time_s"],
        creation_s=frame[list(CREATION_PHASES)].sum(axis=1, skipna=False),
    )
