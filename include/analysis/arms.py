"""Keeps apart what two studies measured of one operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def with_arms(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the study added to the name of each operator that several studies have.

    Runs of one operator in two studies are no repeats of each other, as set-ups may differ.
    """
    shared = frame["k8s_operator"].isin(_shared(frame))
    named = frame["k8s_operator"] + " (" + frame["study_id"] + ")"
    return frame.assign(k8s_operator=frame["k8s_operator"].where(~shared, named))


def arm_names(frame: pd.DataFrame, *, study_id: str, operators: Sequence[str]) -> tuple[str, ...]:
    """The names that `with_arms` gives a study's operators, in their order."""
    shared = _shared(frame)
    return tuple(f"{name} ({study_id})" if name in shared else name for name in operators)


def _shared(frame: pd.DataFrame) -> set[str]:
    studies = frame.groupby("k8s_operator")["study_id"].nunique()
    return set(studies[studies > 1].index)
