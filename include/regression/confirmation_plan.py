"""The points of a confirmation: tonight's and the last good configuration, in random blocks."""

from __future__ import annotations

import random
from enum import StrEnum
from typing import TYPE_CHECKING

from include import k8s_operators
from include.errors import StudyError
from include.models import Model, Phase, Plan, Point
from include.results import CONFIRMATION_FOLDER, PLAN, Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import ClusterHandle, Study
    from include.regression.record_sets import Cell

LONGEST_LABEL = 63  # characters of a DNS label, RFC 1123
ARMS_FILE = "arms.json"


class Arm(StrEnum):
    """A side of a confirmation."""

    TONIGHT = "tonight"
    LAST_GOOD = "last_good"


class Trial(Model):
    """The configuration of one point of a confirmation."""

    group: str
    block: int
    arm: Arm
    image: str


class Wanted(Model):
    """One suspect to confirm: the images of both arms, equal when nothing can be exchanged."""

    group: str
    k8s_operator: str
    variant: str = ""
    nodes: int
    ranks_per_node: int
    image: str
    last_good_image: str

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Both, or tonight's alone."""
        if self.image == self.last_good_image:
            return (Arm.TONIGHT,)
        return tuple(Arm)


class Confirmation(Model):
    """The ordered points of a confirmation, with the configuration of each."""

    plan: Plan
    trials: dict[str, Trial]  # trials by point id


def image_of(cell: Cell) -> str | None:
    """A reference to the exact image of a night, by digest where known."""
    image, digest = cell.versions.get("image"), cell.versions.get("image_digest")
    if image is None or not (digest or "").startswith("sha256:"):
        return image
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}"


def plan_confirmation(
    study: Study,
    wanted: Sequence[Wanted],
    *,
    handle: ClusterHandle,
    blocks: int,
) -> Confirmation:
    """Randomised blocks of both arms, one run of each, seeded by the study's seed.

    The runs of a block use the same nodes where the cluster names them. StudyError when the name
    of a point would be too long.
    """
    order = random.Random(f"{study.seed}/confirmation")  # noqa: S311  an order, not a secret
    rounds = [(each, block) for block in range(1, blocks + 1) for each in wanted]
    order.shuffle(rounds)
    trials: list[tuple[Wanted, int, Arm, tuple[int, ...]]] = []
    for each, block in rounds:
        known = range(len(handle.worker_nodes))
        workers = tuple(order.sample(known, each.nodes)) if known else ()
        arms = order.sample(each.arms, len(each.arms))
        trials += [(each, block, arm, workers) for arm in arms]
    points = [
        _point(each, index, len(trials), handle.study_id, workers=workers)
        for index, (each, _, _, workers) in enumerate(trials, start=1)
    ]
    names = tuple(dict.fromkeys(each.k8s_operator for each in wanted))
    phase = Phase(phase=1, operators=names, points=tuple(points))
    return Confirmation(
        plan=Plan(study_id=handle.study_id, study=_all_blocks(study), phases=(phase,)),
        trials={
            point.point_id: Trial(group=each.group, block=block, arm=arm, image=_image(each, arm))
            for point, (each, block, arm, _) in zip(points, trials, strict=True)
        },
    )


def store(results: Results, confirmation: Confirmation) -> Results:
    """Keep the plan below the study's folder, and return that folder."""
    folder = Results(results.path(CONFIRMATION_FOLDER))
    trials = {name: trial.to_json() for name, trial in confirmation.trials.items()}
    folder.write_json(ARMS_FILE, trials)
    folder.write_json(PLAN, confirmation.plan.to_json())
    return folder


def read(results: Results) -> Confirmation | None:
    """The confirmation of a study, None when it has none."""
    folder = Results(results.path(CONFIRMATION_FOLDER))
    if not folder.exists(PLAN):
        return None
    text = f'{{"plan": {folder.read_text(PLAN)}, "trials": {folder.read_text(ARMS_FILE)}}}'
    return Confirmation.model_validate_json(text)


def _image(wanted: Wanted, arm: Arm) -> str:
    return wanted.image if arm is Arm.TONIGHT else wanted.last_good_image


def _all_blocks(study: Study) -> Study:
    """The study as one that measures all its blocks, whose number is the confirmation's."""
    return study.model_copy(update={"repeats_min": None, "precision_percent": None})


def _point(
    wanted: Wanted, index: int, total: int, study_id: str, *, workers: tuple[int, ...]
) -> Point:
    short = wanted.k8s_operator.replace("_", "-")
    variant = f"-{wanted.variant}" if wanted.variant else ""
    point_id = f"{study_id}-{short}{variant}-{wanted.nodes}n-c{index}"
    host = point_id + k8s_operators.load(wanted.k8s_operator).longest_pod_suffix
    if len(host) > LONGEST_LABEL:
        over = len(host) - LONGEST_LABEL
        raise StudyError(f"host name {host!r} is too long: choose a study name {over} shorter")
    return Point(
        point_id=point_id,
        study_id=study_id,
        k8s_operator=wanted.k8s_operator,
        variant=wanted.variant,
        nodes=wanted.nodes,
        ranks_per_node=wanted.ranks_per_node,
        repeat=index,
        is_warmup=False,
        phase=1,
        block=index,
        order_index=index,
        points_in_study=total,
        workers=workers,
    )
