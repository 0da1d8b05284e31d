"""Differences between the setups of two operators' runs, other than the operator itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

BINDING, QUEUE = "binding", "queue"
_NAMES = {
    "application": "application",
    "program_version": "version of the program",
    BINDING: "binding",
    "mpi_implementation": "MPI implementation",
    "image_digest": "image digest",
    "image": "image",
    "kubernetes_version": "Kubernetes version",
    "instance_type": "instance type",
    QUEUE: "queue",
    "ranks_per_node": "ranks per node",
    "cluster": "cluster",
}
_UNKNOWN, _NONE = "unknown", "none"
_SAID_ELSEWHERE = {"cluster", "image", "program_version"}  # known from study and digest
_CHOSEN = frozenset({"image", "image_digest", QUEUE})  # may distinguish two variants of an operator
_DIGEST_SHOWN = len("sha256:") + 12


def set_up_differences(runs: pd.DataFrame, *, operator: str, baseline: str) -> tuple[str, ...]:
    """One line per difference, the operator's value first: `binding differs (core, none)`.

    `runs` are those of one size. A value unknown for only one differs; a value unknown for both
    differs only between two studies, as one study runs on one cluster with one image. Images
    with equal, known digests are equal whatever their tags. If a study gives two variants of
    one operator different images, the image is what is compared, and no difference.
    """
    ours, theirs = (runs[runs["k8s_operator"] == name] for name in (operator, baseline))
    studies = _values(ours["study_id"]) | _values(theirs["study_id"])
    return tuple(_differences(ours, theirs, is_one_study=len(studies) == 1)) + (
        (f"recorded in different studies ({_listed(studies)})",) if len(studies) > 1 else ()
    )


def _differences(ours: pd.DataFrame, theirs: pd.DataFrame, *, is_one_study: bool) -> Iterable[str]:
    chosen = _CHOSEN if is_one_study and _are_variants(ours, theirs) else frozenset()
    for column, name in _NAMES.items():
        if column in chosen:
            continue
        left, right = _values(ours[column]), _values(theirs[column])
        if column == QUEUE:  # of a record without one it is known that there was none
            left, right = (
                {_NONE if each == _UNKNOWN else each for each in s} for s in (left, right)
            )
        if column == "kubernetes_version":
            left, right = _alike(left, right)
        if column == "image" and _same_digest(ours, theirs):
            continue
        if left == right == {_UNKNOWN}:
            if not is_one_study and column not in _SAID_ELSEWHERE:
                yield f"{name} unknown for both"
        elif left != right or len(left) > 1:
            yield f"{name} differs ({_listed(left)}; {_listed(right)})"


def _are_variants(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """True for two arms of one operator, which differ by their study's choice."""
    names = _values(ours["k8s_operator"]) | _values(theirs["k8s_operator"])
    return len({name.partition(" ")[0] for name in names}) == 1


def _values(column: pd.Series[str]) -> set[str]:
    return {_UNKNOWN if pd.isna(value) else str(value) for value in column.unique()}


def _same_digest(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    digests = _values(ours["image_digest"]) | _values(theirs["image_digest"])
    return len(digests) == 1 and _UNKNOWN not in digests


def _alike(left: set[str], right: set[str]) -> tuple[set[str], set[str]]:
    """Both at the precision of the shorter version: `1.23` against `v1.23.15-eks-1`."""
    parts = min((len(_parts(text)) for text in left | right if text != _UNKNOWN), default=0)

    def shortened(texts: set[str]) -> set[str]:
        return {text if text == _UNKNOWN else ".".join(_parts(text)[:parts]) for text in texts}

    return (left, right) if left == right else (shortened(left), shortened(right))


def _parts(version: str) -> list[str]:
    return version.removeprefix("v").split(".")


def _listed(values: set[str]) -> str:
    shown = (v[:_DIGEST_SHOWN] if v.startswith("sha256:") else v for v in sorted(values))
    return ", ".join(shown)
