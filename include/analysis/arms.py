"""The arms of a comparison: an operator, its variants, and what another study measured of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from include.variants import arm_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def with_arms(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with each operator's name made that of its arm.

    The variant is added where there is one, and the study where several have the arm: runs in two
    studies are no repeats of each other, as set-ups may differ.
    """
    arms = _arms(frame)
    named = arms + " (" + frame["study_id"] + ")"
    return frame.assign(k8s_operator=arms.where(~arms.isin(_shared(frame)), named))


def arm_names(
    frame: pd.DataFrame, *, study_id: str, arms: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """The names that `with_arms` gives a study's arms, in their order."""
    shared = _shared(frame)
    names = [arm_name(*arm) for arm in arms]
    return tuple(f"{name} ({study_id})" if name in shared else name for name in names)


def _arms(frame: pd.DataFrame) -> pd.Series[str]:
    pairs = zip(frame["k8s_operator"], frame["variant"], strict=True)
    return pd.Series([arm_name(*pair) for pair in pairs], index=frame.index, dtype="str")


def _shared(frame: pd.DataFrame) -> set[str]:
    studies = frame.groupby(_arms(frame))["study_id"].nunique()
    return set(studies[studies > 1].index)
