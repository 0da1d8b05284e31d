"""The arms of a comparison: operators, their variants, and those measured by other studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from include.models import STAND_IN
from include.models.variants import arm_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_STAND_IN_MARK = f" ({STAND_IN})"


def with_arms(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with each operator's name replaced by that of its arm.

    The name gets the variant, if any; a mark if a stand-in replaced the operator, so that no
    table or figure passes for the operator's own; the study if several have the arm, as runs of
    two studies are no repeats of each other and setups may differ; and the program's version if
    an arm ran several.
    """
    arms = _arms(frame)
    named = arms + " (" + frame["study_id"] + ")"
    named = arms.where(~arms.isin(_shared(frame)), named)
    return frame.assign(k8s_operator=_with_versions(frame, named))


def arm_names(
    frame: pd.DataFrame, *, study_id: str, arms: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """The names that `with_arms` gives a study's arms, in order."""
    shared, present = _shared(frame), set(_arms(frame))
    names = [name for arm in arms for name in _names(arm_name(*arm), present)]
    return tuple(f"{name} ({study_id})" if name in shared else name for name in names)


def _names(arm: str, present: set[str]) -> list[str]:
    """The name of an arm in a frame: its own, unless only its stand-in has runs there."""
    marked = arm + _STAND_IN_MARK
    if marked not in present:
        return [arm]
    return [arm, marked] if arm in present else [marked]


def _arms(frame: pd.DataFrame) -> pd.Series[str]:
    rows = zip(frame["k8s_operator"], frame["variant"], frame["operator_version"], strict=True)
    names = [
        arm_name(operator, variant) + (_STAND_IN_MARK if str(version).startswith(STAND_IN) else "")
        for operator, variant, version in rows
    ]
    return pd.Series(names, index=frame.index, dtype="str")


def _with_versions(frame: pd.DataFrame, arms: pd.Series[str]) -> pd.Series[str]:
    """The arms, with the program's version added where one has several."""
    versions = frame["program_version"].groupby(arms).nunique()
    several = arms.isin(set(versions[versions > 1].index))
    named = arms + " (" + frame["program_version"].fillna("version unknown") + ")"
    return arms.where(~several, named)


def _shared(frame: pd.DataFrame) -> set[str]:
    studies = frame.groupby(_arms(frame))["study_id"].nunique()
    return set(studies[studies > 1].index)
